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
    quantity: int | None = None
    currency: str | None = None

    @property
    def kind(self) -> str:
        """What it is: a purchase with a negative price or quantity is a refund."""
        is_negative = (self.price or 0) < 0 or (self.quantity or 0) < 0
        return "refund" if self.event_type == "purchase" and is_negative else self.event_type

    @property
    def units(self) -> int:
        """How many units it is about; one where nothing is said."""
        return 1 if self.quantity is None else abs(self.quantity)

    @property
    def cents(self) -> int | None:
        """The price of a unit in whole cents, halves away from zero; never negative."""
        return None if self.price is None else whole(abs(self.price) * 100)

    @property
    def amount(self) -> int | None:
        """The cents of all its units."""
        return None if self.cents is None else self.cents * self.units

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

    def __init__(self, items: list[Event]):
        self.items = items
        self.day = items[0].event_date
        self.session = next((i.user_session for i in items if i.user_session is not None), None)
        self.units = sum(item.units for item in items)
        self.cents = known_sum([item.amount for item in items])
        self.hour = min(item.event_time for item in items).hour
        # the day by which all of it was given back
        self.returned_on: date | None = None

    def stands_at(self, cut_off: date) -> bool:
        """Whether it was not returned before a cut-off."""
        return self.returned_on is None or self.returned_on >= cut_off

    def take_back(self, refunds: list[Event]) -> None:
        """Find the day by which refunds reach the amount, or the units where a price is missing."""
        for day in sorted({refund.event_date for refund in refunds}):
            by_then = [refund for refund in refunds if refund.event_date <= day]
            amounts = [refund.amount for refund in by_then]
            if self.cents is None or None in amounts:
                is_whole = sum(refund.units for refund in by_then) >= self.units
            else:
                is_whole = sum(amounts) >= self.cents
            if is_whole:
                self.returned_on = day
                return


def sessions(events: list[Event]) -> list[list[Event]]:
    """Events by day and session; those of a day without a session are one."""
    found = defaultdict(list)
    for event in events:
        found[event.event_date, event.user_session].append(event)
    return list(found.values())


def orders_of(events: list[Event]) -> list[Order]:
    """The orders among a customer's events, by day, with the day on which each was returned."""
    purchases = of_type(events, "purchase")
    named = defaultdict(set)
    for event in purchases:
        if event.user_session is not None:
            named[event.event_date].add(event.user_session)
    found = defaultdict(list)
    for event in purchases:
        session = event.user_session or min(named[event.event_date], default=None)
        found[event.event_date, session].append(event)
    orders = [found[key] for key in sorted(found, key=lambda key: (key[0], key[1] or ""))]
    orders = [Order(items) for items in orders]
    given_back = defaultdict(list)
    for refund in of_type(events, "refund"):
        if order := returned_order(orders, refund):
            given_back[order].append(refund)
    for order, refunds in given_back.items():
        order.take_back(refunds)
    return orders


def returned_order(orders: list[Order], refund: Event) -> Order | None:
    """The latest order a refund may be of: of its session, or else product, or else any."""
    for order in reversed(orders):
        if order.day > refund.event_date:
            continue
        if refund.user_session is not None:
            is_it = refund.user_session == order.session
        elif refund.product_id is not None:
            is_it = refund.product_id in {item.product_id for item in order.items}
        else:
            is_it = True
        if is_it:
            return order
    return None


def of_type(events: list[Event], event_type: str) -> list[Event]:
    """Events of one type."""
    return [event for event in events if event.kind == event_type]


class Booking(NamedTuple):
    """Cents of one day, negative where they were given back; null without a price."""

    day: date
    cents: int | None


def bookings_of(events: list[Event]) -> list[Booking]:
    """What came in and what went back, each on its own day."""
    return [
        *(Booking(event.event_date, event.amount) for event in of_type(events, "purchase")),
        *(
            Booking(event.event_date, None if event.amount is None else -event.amount)
            for event in of_type(events, "refund")
        ),
    ]


def known_sum(values: list[int | None]) -> int | None:
    """Sum of what is known; null when nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
