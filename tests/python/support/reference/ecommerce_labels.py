"""The shop's label rule: a customer of the cohort churns when no order comes for a horizon."""

from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from reference.compare import Table
from reference.ecommerce_rows import Event, Order, orders_of
from reference.frozen import with_frozen
from reference.identities import customers, ids_of
from reference.windows import back
from reference.worlds import World

MEMORY_DAYS = 730


class Rule(NamedTuple):
    """Parameters of the rule, as in the domain entry."""

    horizon_days: int = 30
    lookback_days: int = 90
    min_orders: int = 2

    @property
    def name(self) -> str:
        """The label definition."""
        return f"no_order_h{self.horizon_days}_l{self.lookback_days}_m{self.min_orders}"


def labels_of_all(world: World, rule: Rule) -> Table:
    """Labels that hold of every customer of every cohort, by customer, cut-off and definition.

    They are null until the horizon of the cohort is over. Who is in it is told by the events of the
    ids that are the customer's at the cut-off, and the outcome by those that are when it is known.
    """

    @cache
    def orders(ids: tuple[str, ...]) -> list[Order]:
        return orders_of(known_events(world, ids))

    labels = {}
    for cut_off in world.cut_offs:
        known_on = cut_off + timedelta(days=rule.horizon_days)
        for customer in customers(world, "events", cut_off):
            if is_in_cohort(orders(ids_of(world, "events", customer, cut_off)), cut_off, rule):
                ordered = any(
                    cut_off <= order.day < known_on and order.stands_at(known_on)
                    for order in orders(ids_of(world, "events", customer, known_on))
                )
                is_closed = known_on <= world.known_before and not world.is_unsure(
                    cut_off, known_on
                )
                labels[customer, cut_off, rule.name] = {
                    "label_known_on": known_on,
                    "is_churned": not ordered if is_closed else None,
                }
    return with_frozen(world, labels)


def known_events(world: World, ids: tuple[str, ...]) -> list[Event]:
    """Events of a customer of some ids, before the knowledge cut-off."""
    return [
        row for one in ids for row in world.of("events", one) if row.event_date < world.known_before
    ]


def remembered(orders: list[Order], cut_off: date) -> list[Order]:
    """Orders before the cut-off that are neither forgotten nor returned."""
    return [
        order
        for order in orders
        if back(cut_off, MEMORY_DAYS) <= order.day < cut_off and order.stands_at(cut_off)
    ]


def is_in_cohort(orders: list[Order], cut_off: date, rule: Rule) -> bool:
    """Enough orders in memory, and one of them lately."""
    orders = remembered(orders, cut_off)
    return len(orders) >= rule.min_orders and any(
        order.day >= back(cut_off, rule.lookback_days) for order in orders
    )
