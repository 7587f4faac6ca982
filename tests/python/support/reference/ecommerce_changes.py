"""What an event log is known to have got wrong."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from reference.windows import back
from reference.worlds import World


class Change(NamedTuple):
    """Something was wrong on the days of [started_on, ended_on), or other from started_on on."""

    kind: str
    started_on: date
    ended_on: date


# seeds/ecommerce_log_changes.csv
CHANGES = (
    Change("cart_log_broken", date(2019, 10, 1), date(2019, 12, 1)),
    Change("categories_remapped", date(2019, 12, 1), date(2019, 12, 2)),
    Change("purchase_outage", date(2019, 11, 15), date(2019, 11, 16)),
    Change("purchase_outage", date(2020, 1, 1), date(2020, 1, 3)),
    Change("purchase_outage", date(2020, 4, 20), date(2020, 4, 22)),
    Change("events_missing", date(2020, 2, 27), date(2020, 2, 28)),
)


def changes_of(world: World) -> Iterable[Change]:
    """The seed's, where the world's shop has no other ones."""
    return world.seeds.get("ecommerce_log_changes", CHANGES)


def are_carts_broken(changes: Iterable[Change], start: date, end: date) -> bool:
    """The cart log was broken somewhere in [start, end)."""
    return any(
        change.kind == "cart_log_broken" and change.started_on < end and change.ended_on > start
        for change in changes
    )


def are_categories_remapped(changes: Iterable[Change], cut_off: date) -> bool:
    """Categories of the last year do not compare; a remap on its first day changes nothing."""
    return any(
        change.kind == "categories_remapped" and back(cut_off, 365) < change.started_on < cut_off
        for change in changes
    )


def outage_days(changes: Iterable[Change], after: date, cut_off: date) -> int:
    """Days on which nobody could buy, after one day and before another."""
    return sum(
        after < date.fromordinal(day) < cut_off
        for change in changes
        if change.kind == "purchase_outage"
        for day in range(change.started_on.toordinal(), change.ended_on.toordinal())
    )
