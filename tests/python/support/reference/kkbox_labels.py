"""The derived KKBox labels, from the organisers' words and Kaggle's files, a row at a time.

`lapse`: walk a member's transactions from the cut-off on. A cancel with an earlier expiry pulls
the current expiry earlier, the first purchase ends the walk; 30 days or more after the current
expiry is churn, and so is no purchase. `kaggle_rule`: churn unless a purchase with money paid is
dated within [expiry, expiry + 30]. `supplied`: what the files say.
"""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import NamedTuple

from reference.compare import Table
from reference.frozen import with_frozen
from reference.identities import customer_of, customers, ids_of
from reference.kkbox_rows import Transaction, in_order
from reference.worlds import World

# files with labels, and the cohort each is about
PUBLISHED = {"train": date(2017, 2, 1), "train_v2": date(2017, 3, 1)}


class Label(NamedTuple):
    """What one definition says of one member at one cut-off."""

    label_definition: str
    expires_on: date
    label_known_on: date
    is_churned: bool


def labels_of_all(world: World) -> Table:
    """Labels that hold of every member of every cohort, by member, cut-off and definition."""
    return with_frozen(world, _derived(world) | _supplied(world))


def history_at(world: World, member: str, day: date) -> list[Transaction]:
    """Transactions before the knowledge cut-off of all ids that are one member's on a day."""
    return [
        row
        for one in ids_of(world, "transactions", member, day)
        for row in world.of("transactions", one)
        if row.transaction_date < world.known_before
    ]


def _derived(world: World) -> Table:
    """Labels from transactions.

    An outcome is null until the whole cohort is closed: until nothing that decides about any of
    its members is still to come.
    """
    labels = {
        (member, cut_off, label.label_definition): label
        for cut_off in world.cut_offs
        for member in customers(world, "transactions", cut_off)
        for label in labels_of(partial(history_at, world, member), cut_off)
    }
    closes_on: dict[tuple[date, str], date] = {}
    for (_, *cohort), label in labels.items():
        latest = closes_on.get(tuple(cohort), date.min)
        closes_on[tuple(cohort)] = max(latest, label.label_known_on)
    is_closed = {
        (cut_off, definition): day <= world.known_before and not world.is_unsure(cut_off, day)
        for (cut_off, definition), day in closes_on.items()
    }
    return {
        (member, cut_off, definition): {
            "expires_on": label.expires_on,
            "label_known_on": label.label_known_on,
            "is_churned": label.is_churned if is_closed[cut_off, definition] else None,
        }
        for (member, cut_off, definition), label in labels.items()
    }


def _supplied(world: World) -> Table:
    """The published labels, whatever is known by when; a member named twice churned if either says.

    The expiry is that of the cohort, for members who are in it.
    """
    return {
        (member, cut_off, "supplied"): {
            "expires_on": (
                expiry_in_cohort(history_at(world, member, cut_off), cut_off)
                if cut_off in world.cut_offs
                and customer_of(world.identities, member, cut_off) == member
                else None
            ),
            "label_known_on": a_month_after(cut_off) + timedelta(days=31),
            "is_churned": any(row.is_churn == 1 for row in rows),
        }
        for table, cut_off in PUBLISHED.items()
        for member, rows in world.rows.get(table, {}).items()
        if rows
    }


def labels_of(history: Callable[[date], list[Transaction]], cut_off: date) -> list[Label]:
    """Both derived labels of a member at a cut-off; none when not in the cohort.

    Args:
        history: The member's transactions, of the ids that are the member's on a day.
        cut_off: The cut-off.
    """
    expiry = expiry_in_cohort(history(cut_off), cut_off)
    if expiry is None:
        return []
    # a purchase on day 29 keeps the member, so all is seen when day 30 begins
    churned_on = expiry + timedelta(days=30)
    # a payment on day 30 keeps the member, so all is seen when day 31 begins
    unpaid_on = expiry + timedelta(days=31)
    churned = lapse(history(churned_on), cut_off, expiry)
    unpaid = kaggle_rule(history(unpaid_on), expiry)
    return [
        Label("lapse", expiry, churned_on, churned),
        Label("kaggle_rule", expiry, unpaid_on, unpaid),
    ]


def expiry_in_cohort(transactions: list[Transaction], cut_off: date) -> date | None:
    """The current expiry as known at the cut-off, if it falls in the cohort month."""
    before = [row for row in in_order(transactions) if row.transaction_date < cut_off]
    if not before:
        return None
    expiry = before[-1].membership_expire_date
    return expiry if cut_off <= expiry < a_month_after(cut_off) else None


def lapse(transactions: list[Transaction], cut_off: date, expiry: date) -> bool:
    """Churned unless the first purchase from the cut-off on comes before 30 days are over."""
    current = expiry
    for row in in_order(transactions):
        if row.transaction_date < cut_off:
            continue
        if not row.cancels:
            return (row.transaction_date - current).days >= 30
        current = min(current, row.membership_expire_date)
    return True


def kaggle_rule(transactions: list[Transaction], expiry: date) -> bool:
    """Churned unless something is paid from the expiry to 30 days after it."""
    return not any(
        not row.cancels
        and (row.actual_amount_paid or 0) > 0
        and expiry <= row.transaction_date <= expiry + timedelta(days=30)
        for row in transactions
    )


def a_month_after(day: date) -> date:
    """The same day of the next month; days that it does not have run over into the one after."""
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    return date(year, month, 1) + timedelta(days=day.day - 1)
