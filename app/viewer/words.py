"""How figures are said: plain words, dates with years, nothing that needs statistics."""

import csv
import io
from datetime import date
from typing import Any

import pandas as pd

BANDS = ("critical", "high", "medium", "low")
MODELS = {
    "lightgbm": "this model",
    "logistic": "simple formula",
    "hand_rule": "rule of thumb",
    "recency": "days since the last order",
    "base_rate": "same risk for everybody",
}
WHY_NOT = {
    "held_out": "chosen, but left alone to measure",
    "suppressed": "must not be contacted",
    "never_treated": "never contacted, to measure",
    "cool_down": "contacted lately",
    "left_alone": "a contact may wake them",
    "no_value": "value not known",
    "nothing_raises_the_risk": "nothing raises the risk",
    "no_action_answers": "no action fits the reasons",
    "out_of_bounds": "outside an action's bounds",
    "too_late": "due before an action can reach them",
    "does_not_pay": "would cost more than it earns",
    "beyond_budget": "beyond the budget",
}
PATTERNS = "Patterns that precede leaving, not proven causes."
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def percent(share: float | None, digits: int = 0) -> str:
    """A share as percent; never 0 % or 100 % for what is neither."""
    if share is None or pd.isna(share):
        return "not known"
    least = 10.0**-digits
    value = 100 * share
    if 0 < value < least:
        return f"under {least:g}%"
    if 100 - least < value < 100:
        return f"over {100 - least:g}%"
    return f"{value:.{digits}f}%"


def likelihood(probability: float) -> str:
    """A probability as a count of people: what it means for a hundred like this one."""
    count = round(100 * probability)
    if count < 1:
        return "fewer than 1 of 100 such customers leave"
    if count > 99:
        return "more than 99 of 100 such customers leave"
    return f"{count} of 100 such customers leave"


def money(amount: float | None, currency: str) -> str:
    """An amount in whole units of the domain's currency."""
    if amount is None or pd.isna(amount):
        return "not known"
    sign = "-" if amount < 0 else ""
    return f"{sign}{currency}{abs(amount):,.0f}"


def day(value: Any) -> str:
    """A date with its month in words."""
    if value is None or pd.isna(value):
        return "no date"
    moment = pd.Timestamp(value)
    return f"{moment.day} {moment:%B %Y}"


def days_until(due: Any, since: Any) -> str:
    """How far a due date is from the day the data end."""
    days = (pd.Timestamp(due) - pd.Timestamp(since)).days
    return "the day the data end" if days == 0 else f"{count(days, 'day')} after the data end"


def ago(days: int) -> str:
    """How long ago something was, in the unit that one would say."""
    if days < 60:
        return f"{count(days, 'day')} ago"
    return f"{days // 30} months ago" if days < 730 else f"{days // 365} years ago"


def count(number: float, one: str, many: str | None = None) -> str:
    """A number of things: `1 customer`, `2,000 customers`."""
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"


def spreadsheet(table: pd.DataFrame) -> bytes:
    """Return a table as CSV that no spreadsheet takes for formulas.

    A text that begins like a formula gets an apostrophe in front; ids of some customers do.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(table.columns)
    for row in table.itertuples(index=False):
        writer.writerow([_cell(value) for value in row])
    return text.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None or pd.isna(value) else value
