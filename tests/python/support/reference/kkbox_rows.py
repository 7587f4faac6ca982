"""One member's raw rows, and the organisers' order of transactions."""

from datetime import date
from typing import Any, NamedTuple


class Transaction(NamedTuple):
    """One line of transactions.csv. Dates are never null; everything else may be."""

    transaction_date: date
    membership_expire_date: date
    payment_method_id: int | None
    payment_plan_days: int | None
    plan_list_price: int | None
    actual_amount_paid: int | None
    is_auto_renew: int | None
    is_cancel: int | None

    @property
    def cancels(self) -> bool:
        """A missing flag is no cancellation."""
        return self.is_cancel == 1


class LogRow(NamedTuple):
    """One line of user_logs.csv. A member may have several on one day."""

    date: date
    num_25: int | None
    num_50: int | None
    num_75: int | None
    num_985: int | None
    num_100: int | None
    num_unq: int | None
    total_secs: float | None


class Profile(NamedTuple):
    """One line of members_v3.csv."""

    city: int | None
    bd: int | None
    gender: str | None
    registered_via: int | None
    registration_init_time: date | None


class SuppliedLabel(NamedTuple):
    """One line of train.csv or train_v2.csv."""

    is_churn: int


class FrozenLabel(NamedTuple):
    """One row of a frozen cohort."""

    as_of_date: date
    label_definition: str
    expires_on: date
    label_known_on: date
    is_churned: bool
    rule_version: int
    label_version: int


def in_order(transactions: list[Transaction]) -> list[Transaction]:
    """Sort one member's transactions as the organisers do.

    Sorting is stable, so the least important key comes first.
    """
    rows = sorted(transactions, key=_undecided, reverse=True)
    rows.sort(key=lambda row: row.membership_expire_date.toordinal() * (-1 if row.cancels else 1))
    rows.sort(key=lambda row: row.cancels)
    rows.sort(key=_price_days_method, reverse=True)
    rows.sort(key=lambda row: row.transaction_date)
    return rows


def _price_days_method(row: Transaction) -> str:
    """`plan_list_price || payment_plan_days || payment_method_id`, compared as characters."""
    parts = (row.plan_list_price, row.payment_plan_days, row.payment_method_id)
    return "".join("" if part is None else str(part) for part in parts)


def chosen(profiles: list[Profile]) -> Profile | None:
    """The one of a member's profiles that counts: the smallest values, what is missing last."""

    def order(profile: Profile) -> tuple[tuple[bool, Any], ...]:
        values = (
            profile.registration_init_time,
            profile.city,
            profile.bd,
            profile.gender,
            profile.registered_via,
        )
        return tuple((value is None, value or 0) for value in values)

    return min(profiles, key=order, default=None)


def _undecided(row: Transaction) -> tuple[tuple[bool, int], ...]:
    """The organisers leave open which row comes first when all their keys are equal.

    The larger value of the first column that differs does; what is missing is smallest.
    """
    rest = (
        row.actual_amount_paid,
        row.is_auto_renew or 0,
        row.plan_list_price,
        row.payment_plan_days,
    )
    return tuple((value is not None, value or 0) for value in rest)
