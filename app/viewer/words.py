"""Figures in plain words: no statistics, dates with their year."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pandas as pd

# Steps of a run, as the page of nights calls them.
STEPS = {
    "pull": "Read the database or store",
    "read files": "Read the files",
    "build": "Build and test the tables",
    "learn and score": "Learn and score",
    "score": "Score",
    "missed night": "Make up for a missed night",
    "publish": "Publish",
}

BANDS = ("critical", "high", "medium", "low")
AT_RISK = "In the risk bands critical and high, and not cancelled already."
PATTERNS = "These are patterns seen before customers leave, not proven causes."


def percent(share: float | None, digits: int = 0) -> str:
    """A share as percent; 0% and 100% only where they are exact."""
    if share is None or pd.isna(share):
        return "unknown"
    least = 10.0**-digits
    value = 100 * share
    if 0 < value < least:
        return f"under {least:g}%"
    if 100 - least < value < 100:
        return f"over {100 - least:g}%"
    return f"{value:.{digits}f}%"


def likelihood(probability: float) -> str:
    """A probability as cases out of 100; never 0 or 100."""
    count = round(100 * probability)
    if count < 1:
        return "fewer than 1 of 100 cases"
    if count > 99:
        return "more than 99 of 100 cases"
    return f"about {count} of 100 cases"


def money(amount: float | None, currency: str) -> str:
    """An amount in whole units of the domain's currency."""
    if amount is None or pd.isna(amount):
        return "unknown"
    sign = "-" if amount < 0 else ""
    return f"{sign}{currency}{abs(amount):,.0f}"


def leaving_cost(days: int | None) -> str:
    """What leaving costs, with the days over which it was measured."""
    if days is None or pd.isna(days):
        return "What leaving costs is not known yet: no cohort has closed."
    return (
        "What customers of this value who stayed paid more than those who left, in "
        f"{int(days)} days after the cut-off; later revenue is not counted."
    )


def in_markdown(text: str) -> str:
    """A sentence of our own with amounts: two dollar signs would begin a formula."""
    return text.replace("$", "\\$")


def quoted(names: Iterable[str]) -> str:
    """Names as the address has them: `“a”, “b”`."""
    return ", ".join(f"“{name}”" for name in names)


def day(value: Any) -> str:
    """A date with its month in words."""
    if value is None or pd.isna(value):
        return "no date"
    moment = pd.Timestamp(value)
    return f"{moment.day} {moment:%B %Y}"


def minute(moment: datetime) -> str:
    """A time to the minute: `2 April 2017, 05:03 UTC`."""
    return f"{day(moment)}, {moment:%H:%M} UTC"


def seconds(duration: float) -> str:
    """How long something took: `40 s`, `3 min`."""
    return f"{duration:.0f} s" if duration < 100 else f"{duration / 60:.0f} min"


def days_until(due: Any, since: Any) -> str:
    """How far a due date is from the cut-off."""
    days = (pd.Timestamp(due) - pd.Timestamp(since)).days
    return "the same day" if days == 0 else f"in {count(days, 'day')}"


def ago(days: int) -> str:
    """How long ago something was, in days, months or years."""
    if days < 60:
        return f"{count(days, 'day')} ago"
    return f"{days // 30} months ago" if days < 730 else f"{days // 365} years ago"


def count(number: float, one: str, many: str | None = None) -> str:
    """A number of things: `1 customer`, `2,000 customers`."""
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"


def capitalised(text: Any) -> str:
    """A phrase from the data as the beginning of a line: `payments` → `Payments`."""
    phrase = str(text or "")
    return phrase[:1].upper() + phrase[1:]


def channel(code: str) -> str:
    """A channel of the catalogue of actions in words: `in_app` → `in-app`."""
    return code.replace("_", "-")
