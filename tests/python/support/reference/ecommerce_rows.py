"""One customer's raw events, and the orders they make up."""

from collections import defaultdict
from datetime import date, datetime
from typing import NamedTuple

from reference.exact import whole

SATURDAY = 5


class Event(NamedTuple):
    """One line of an event file. Time, day and type are never null; everything else may be."""

    event_time: datetime
    event_date: date
    event_type: str
    product_id: str | None
    category_id: str | None
    category_code: str | None
    brand: str | None
    price: float | None
    user_session: str | None

    @property
    def cents(self) -> int | None:
        """The price in whole cents, halves away from zero."""
        return None if self.price is None else whole(self.price * 100)

    @property
    def department(self) -> str | None:
        """The first part of the category's path."""
        return None if self.category_code is None else self.category_code.split(".")[0]


class FrozenLabel(NamedTuple):
    """One row of a frozen cohort."""

    as_of_date: date
    label_definition: str
    label_known_on: date
    is_churned: bool
    rule_version: int
    label_version: int


class Order:
    """The purchases of one session on one day; those without one join the day's first session."""

    def __init__(self, units: list[Event]):
        self.day = units[0].event_date
        self.session = next((u.user_session for u in units if u.user_session is not None), None)
        self.units = len(units)
        self.cents = known_sum([unit.cents for unit in units])
        self.hour = min(unit.event_time for unit in units).hour


def sessions(events: list[Event]) -> list[list[Event]]:
    """Events by day and session; those of a day without a session are one."""
    found = defaultdict(list)
    for event in events:
        found[event.event_date, event.user_session].append(event)
    return list(found.values())


def orders_of(events: list[Event]) -> list[Order]:
    """The orders among a customer's events, by day."""
    purchases = of_type(events, "purchase")
    named = defaultdict(set)
    for event in purchases:
        if event.user_session is not None:
            named[event.event_date].add(event.user_session)
    found = defaultdict(list)
    for event in purchases:
        session = event.user_session or min(named[event.event_date], default=None)
        found[event.event_date, session].append(event)
    return sorted((Order(units) for units in found.values()), key=lambda order: order.day)


def of_type(events: list[Event], event_type: str) -> list[Event]:
    """Events of one type."""
    return [event for event in events if event.event_type == event_type]


def known_sum(values: list[int | None]) -> int | None:
    """Sum of what is known; null when nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
