"""The features of ecommerce__churn_examples for one customer and cut-off, from their descriptions.

Written a row at a time, without joins, so that it can be read beside the YAML.
"""

from datetime import date
from functools import cache
from typing import Any

from reference.ecommerce_baskets import baskets
from reference.ecommerce_browsing import browsing
from reference.ecommerce_changes import changes_of, outages_of
from reference.ecommerce_labels import (
    MEMORY_DAYS,
    Rule,
    is_in_cohort,
    known_events,
    remembered,
)
from reference.ecommerce_orders import calendar, customer_value, ordering, profile, rhythm
from reference.ecommerce_rows import Event, Order, bookings_of, orders_of
from reference.identities import customers, ids_of
from reference.windows import back
from reference.worlds import World


def features_of_all(world: World, rule: Rule) -> dict[tuple[str, date], dict[str, Any]]:
    """Features of every customer of every cohort, from rows before the knowledge cut-off."""

    @cache
    def events_and_orders(ids: tuple[str, ...]) -> tuple[list[Event], list[Order]]:
        events = known_events(world, ids)
        return events, orders_of(events)

    found = {}
    for cut_off in world.cut_offs:
        for customer in customers(world, "events", cut_off):
            known, orders = events_and_orders(ids_of(world, "events", customer, cut_off))
            if is_in_cohort(orders, cut_off, rule):
                found[customer, cut_off] = features_of(known, orders, cut_off, world, rule)
    return found


def features_of(
    events: list[Event], orders: list[Order], cut_off: date, world: World, rule: Rule
) -> dict[str, Any]:
    """Every feature of a customer of the cohort."""
    start = back(cut_off, MEMORY_DAYS)
    events = [event for event in events if start <= event.event_date < cut_off]
    orders, bookings = remembered(orders, cut_off), bookings_of(events)
    orders_cover = world.cover("events.purchase", cut_off)
    changes = changes_of(world)
    return {
        "due_on": None,
        "customer_value": customer_value(orders, bookings, cut_off),
        **ordering(orders, bookings, cut_off, orders_cover, outages_of(world)),
        **rhythm(orders, cut_off),
        **browsing(
            [event for event in events if event.kind != "refund"],
            cut_off,
            orders[-1].day,
            world.cover("events.view", cut_off),
            world.cover("events.cart", cut_off),
            changes,
        ),
        **baskets(orders, cut_off, changes),
        **calendar(orders, bookings, cut_off, orders_cover, rule.horizon_days),
        **profile(orders, cut_off),
    }
