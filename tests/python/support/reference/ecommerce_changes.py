"""What an event log is known to have got wrong."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from reference.windows import back
from reference.worlds import World


class Change(NamedTuple):
    """Something was wrong on the days of [started_on, ended_on), or other from started_on on."""

    kind: str
    started_on: date
    known_from: date
    ended_on: date


class Outage(NamedTuple):
    """Rows of a table are missing on the days of [started_on, ended_on)."""

    domain: str
    table_name: str
    started_on: date
    ended_on: date
    reason: str


# seeds/ecommerce_log_changes.csv
CHANGES = (
    Change("cart_log_broken", date(2019, 10, 1), date(2019, 10, 15), date(2019, 12, 1)),
    Change("categories_remapped", date(2019, 12, 1), date(2019, 12, 1), date(2019, 12, 2)),
)
# seeds/feed_outages.csv
OUTAGES = tuple(
    Outage("ecommerce", table, first, last + timedelta(days=1), "")
    for table, first, last in (
        ("events.purchase", date(2019, 11, 15), date(2019, 11, 15)),
        ("events.purchase", date(2020, 1, 1), date(2020, 1, 2)),
        ("events", date(2020, 2, 27), date(2020, 2, 27)),
        ("events.purchase", date(2020, 4, 20), date(2020, 4, 21)),
    )
)


def changes_of(world: World) -> Iterable[Change]:
    """The seed's, where the world's shop has no other ones."""
    return world.seeds.get("ecommerce_log_changes", CHANGES)


def are_carts_broken(changes: Iterable[Change], start: date, cut_off: date) -> bool:
    """The cart log was broken somewhere in [start, D), and that was known at D."""
    return any(
        change.kind == "cart_log_broken" and change.known_from < cut_off and change.ended_on > start
        for change in changes
    )


def are_categories_remapped(changes: Iterable[Change], cut_off: date) -> bool:
    """Categories of the last year do not compare; a remap on its first day changes nothing."""
    return any(
        change.kind == "categories_remapped"
        and back(cut_off, 365) < change.started_on < cut_off
        and change.known_from < cut_off
        for change in changes
    )


def outages_of(world: World) -> Iterable[Outage]:
    """The seed's, where the world's shop has no other ones."""
    return world.seeds.get("feed_outages", OUTAGES)


def outage_days(outages: Iterable[Outage], after: date, cut_off: date) -> int:
    """Days on which nobody could buy, after one day and before another."""
    return sum(
        after < date.fromordinal(day) < cut_off
        for outage in outages
        if outage.table_name == "events.purchase"
        for day in range(outage.started_on.toordinal(), outage.ended_on.toordinal())
    )
