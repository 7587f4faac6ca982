"""What a subscription wants to know of the files: roles of columns, and words for what a row is."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from pipeline.onboarding.columns import FoundColumn
from pipeline.onboarding.roles import Role
from pipeline.onboarding.shapes import CUSTOMER


def _is_time(column: FoundColumn) -> bool:
    return column.is_time


def _is_number(column: FoundColumn) -> bool:
    return column.is_number


def _is_code(column: FoundColumn) -> bool:
    return column.holds in ("text", "whole number")


def _has_few_words(column: FoundColumn) -> bool:
    return column.holds == "text" and 1 <= len(column.values) <= 20


def _is_flag(column: FoundColumn) -> bool:
    return column.holds == "yes or no" or {value for value, _ in column.values} in ({"0"}, {"1"})


# The columns of a table of billing periods, invoices or memberships.
PERIODS = (
    CUSTOMER,
    Role(
        "expires",
        "the end of the paid period",
        (
            r"expir",
            r"(valid|paid|active|covered|subscribed)_?(until|to|till|thru|through)",
            r"(period|term|membership|subscription|plan|cycle)_?(end|ends|to|until)",
            r"next_?(billing|payment|invoice|renewal|charge|due)",
            r"(renews?|renewal|ends?|end)_?(on|at|date|day)$",
            r"^(until|end|ends)$",
        ),
        _is_time,
        is_needed=True,
    ),
    Role(
        "time",
        "the day on which a period was paid, begun or changed",
        (
            r"(event|transaction|payment|invoice|billing|booking|paid|charged|billed|booked|changed)_?(date|time|timestamp|day|at|on)$",
            r"^(date|day|time|timestamp|moment)$",
            r"(paid|charged|billed|invoiced|booked|created|issued)",
            r"^(?!.*(start|begin|from)).*(date|time|day|_at|_on)$",
            r"(start|begin|from)",
        ),
        _is_time,
        is_needed=True,
        is_lone=True,
    ),
    Role(
        "starts",
        "the first day of the paid period",
        (
            r"(period|term|cycle|valid|covered)_?(start|starts|begin|begins|from)",
            r"start",
            r"begin",
        ),
        _is_time,
    ),
    Role(
        "type",
        "what a row is: a payment, a trial, a cancellation, a refund, a change",
        (
            r"^(event|invoice|transaction|row|line|change|billing)?_?(type|kind|event|status|state|reason)$",
            r"(event|transaction)_?(type|kind)",
            r"^action$",
        ),
        _has_few_words,
    ),
    Role("cancel", "whether a row cancels", (r"^(is_|was_)?cancel",), _is_flag),
    Role("trial", "whether a period is a trial", (r"trial",), _is_flag),
    Role("refund", "whether a row gives money back", (r"refund", r"credit_note"), _is_flag),
    Role("auto_renew", "whether it renews by itself", (r"auto_?(matic_?)?(renew|pay)",), _is_flag),
    Role(
        "amount",
        "the amount that was paid",
        (
            r"(amount|price|total|sum|net|gross)_?paid|paid_?(amount|price|total|sum)",
            r"^(total|amount|revenue|net|gross|paid|charged)$",
            r"(amount|total|charged|revenue)(?!.*(tax|discount|list|due))",
            r"^(?!.*(list|regular|plan)).*(price|fee|value)",
        ),
        _is_number,
    ),
    Role(
        "list_price",
        "the price of the plan before discounts",
        (r"list_?price", r"(regular|plan|full|base)_?(price|fee|amount)", r"^(price|fee)$"),
        _is_number,
    ),
    Role(
        "plan_days",
        "the days that the plan has",
        (r"(plan|period|term|cycle|duration)_?(in_)?(days|length)", r"^days$"),
        lambda column: column.holds == "whole number",
    ),
    Role(
        "plan",
        "the plan",
        (
            r"^(plan|product|tier|package|subscription|membership|sku)_?(name|id|code|type)?$",
            r"plan(?!.*(price|days|length|fee|amount))",
            r"tier",
            r"package",
        ),
        _is_code,
    ),
    Role(
        "method",
        "how it is paid",
        (
            r"pay(ment)?_?(method|means|type|channel|provider|gateway)",
            r"^(method|gateway|provider)",
        ),
        _is_code,
    ),
    Role("currency", "the currency", (r"currency",), lambda column: column.holds == "text"),
)
# The columns of a table of usage.
USAGE = (
    replace(CUSTOMER, name="usage_customer"),
    Role(
        "usage_day",
        "the day or the moment of the usage",
        (
            r"^(date|day|time|timestamp|moment)$",
            r"(start|begin|began|used|played|seen|watched|logged|visited)",
            r"(date|day|time|_at|_on)",
        ),
        _is_time,
        is_needed=True,
        is_lone=True,
    ),
    Role("usage_seconds", "the seconds of usage", (r"sec",), _is_number),
    Role("usage_minutes", "the minutes of usage", (r"min(ute)?s?(_|$)",), _is_number),
    Role("usage_hours", "the hours of usage", (r"hours?(_|$)",), _is_number),
    Role(
        "usage_count",
        "how many things were used",
        (r"count", r"^(n|num|number)(_|$)", r"(plays|sessions|visits|logins|views|items|events)$"),
        lambda column: column.holds == "whole number",
    ),
)
# Days that the periods of a plan have, by the days between two dates: months have 28 to 31.
LENGTHS = (
    (7, 5, 9),
    (14, 12, 16),
    (30, 25, 35),
    (60, 55, 65),
    (90, 84, 97),
    (180, 175, 190),
    (365, 350, 380),
)
# A free period of up to so many days is a trial where the files do not say.
TRIAL_DAYS = 31


@dataclass(frozen=True)
class RowWords:
    """Values of the column `type`, by what such a row is.

    Attributes:
        payments: A period is paid or begun.
        trials: A trial begins.
        cancels: The subscription is cancelled.
        refunds: Money is given back; nothing is renewed.
        changes: The end or the plan changes; nothing is renewed unless a later end is paid for.
    """

    payments: tuple[str, ...] = ()
    trials: tuple[str, ...] = ()
    cancels: tuple[str, ...] = ()
    refunds: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(word for part in fields(self) for word in getattr(self, part.name))


# The surest first: "payment_refunded" is a refund, "trial_cancelled" a cancellation.
_SOUNDS = (
    ("left out", ("fail", "declin", "void", "pending", "draft", "uncollect", "unpaid", "open")),
    ("refunds", ("refund", "chargeback", "credit", "reversal", "reversed", "returned")),
    ("changes", ("uncancel", "pause", "resum", "freeze", "frozen", "hold", "extend", "extension")),
    ("cancels", ("cancel", "churn", "unsubscri", "terminat", "opt_out", "optout")),
    ("trials", ("trial",)),
    ("changes", ("change", "upgrade", "downgrade", "switch", "prorat")),
    (
        "payments",
        (
            *(
                "pay",
                "paid",
                "renew",
                "purchase",
                "invoice",
                "charge",
                "succe",
                "complet",
                "settle",
            ),
            *("subscri", "sign", "start", "new", "activ", "begin", "rebill", "recur", "order"),
        ),
    ),
)


def sorted_words(values: Iterable[str]) -> RowWords:
    """Return the values of a column by what they sound like; others are left out."""
    found: dict[str, list[str]] = {}
    for value in values:
        word = value.strip().lower().replace(" ", "_").replace("-", "_")
        sort = next((name for name, parts in _SOUNDS if any(part in word for part in parts)), "")
        found.setdefault(sort, []).append(value)
    return RowWords(**{part.name: tuple(found.get(part.name, ())) for part in fields(RowWords)})
