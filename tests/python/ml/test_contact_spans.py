"""Whom contacts moved is left out of levels and of other cut-offs, and controls stand for them."""

from dataclasses import replace
from datetime import date, timedelta

import duckdb
import numpy as np
import pytest
from contact_world import PERIOD, ContactWorld, contact_spans
from seasonal_orders import GRID, WHO, make_orders

from ml.contact_spans import ContactSpans, read_contact_spans, without_moved
from ml.contacted import without_contacted
from ml.contract import day_of
from ml.level.forecast import Levels

D = date(2020, 1, 6)
DAY = day_of(np.datetime64(D))
ARMS = [
    ("shop", D, customer, arm, "call", 250, D)
    for customer, arm in (("a", "treat"), ("b", "treat"), ("c", "control"))
]
WHOM = np.array(["a", "b", "c", "d"], dtype=object)


def weights(spans, opens, closes, cut_off=100):
    return spans.weights(WHOM, DAY + opens, DAY + closes, DAY + cut_off).tolist()


def test_a_span_counts_in_windows_that_meet_it_once_its_first_contact_is_known():
    reached = D + timedelta(days=3)
    spans = contact_spans(assignments=ARMS, contacts=[("shop", "a", reached, "")])
    assert weights(spans, 0, 30) == [0, 0, 4, 1]
    assert weights(spans, -30, 1) == [0, 0, 4, 1]
    assert weights(spans, PERIOD, PERIOD + 30) == [1, 1, 1, 1]
    assert weights(spans, -30, 0) == [1, 1, 1, 1]
    # nobody knew on the day itself
    assert weights(spans, 0, 30, cut_off=3) == [1, 1, 1, 1]
    assert weights(spans, 0, 30, cut_off=4) == [0, 0, 4, 1]
    assert (spans.known(DAY + 3), spans.known(DAY + 4)) == (0, 3)


def test_who_was_held_out_twice_counts_the_product():
    later = D + timedelta(days=PERIOD)
    again = [
        ("shop", later, customer, arm, "call", 500, later)
        for customer, arm in (("a", "treat"), ("c", "control"))
    ]
    contacts = [("shop", "a", day + timedelta(days=1), "") for day in (D, later)]
    spans = contact_spans(assignments=[*ARMS, *again], contacts=contacts)
    assert weights(spans, 0, 60) == [0, 0, 8, 1]


def test_a_contact_that_no_plan_drew_leaves_out_the_windows_that_hold_its_day():
    spans = contact_spans(contacts=[("shop", "d", D + timedelta(days=40), "")])
    assert weights(spans, 0, 40) == [1, 1, 1, 1]
    assert weights(spans, 0, 41) == [1, 1, 1, 0]
    assert weights(spans, 41, 90) == [1, 1, 1, 1]


def test_without_contacts_there_are_none():
    assert contact_spans(assignments=ARMS) is None
    with duckdb.connect() as connection:
        assert read_contact_spans(connection, "shop") is None


@pytest.mark.parametrize("plan", [True, False])
def test_at_the_cut_offs_of_the_warehouse_it_is_the_rule_of_the_warehouse(plan):
    world = ContactWorld(3, 400, plan=plan)
    known_on = {day: day + PERIOD for day in world.days}
    spans = contact_spans(**world.tables)
    found = without_moved(world.examples, known_on, spans)
    expected = without_contacted(world.examples, world.contacted)
    assert len(found) < len(world.examples)
    assert found.customer_id.tolist() == expected.customer_id.tolist()
    if plan:
        assert found.weight == pytest.approx(expected.weight)
    else:
        assert found.weight is expected.weight is None
    assert without_moved(world.examples, known_on, None) is world.examples


def contacted_orders(orders, opens, saves=0.5, held_out=0.3, seed=8):
    """The same customers, but a campaign makes orders of those whom it does not hold out."""
    rng = np.random.default_rng(seed)
    customers = len(orders.customer_id)
    # whoever orders often is chosen more rarely, so that who is left is no fair sample
    orders_of = np.bincount(orders.history, minlength=customers)
    chosen = rng.random(customers) < np.where(orders_of > np.median(orders_of), 0.4, 0.9)
    control = chosen & (rng.random(customers) < held_out)
    saved = chosen & ~control & (rng.random(customers) < saves)
    history = np.concatenate([orders.history, np.flatnonzero(saved)])
    day = np.concatenate([orders.day, np.full(saved.sum(), opens + 5)])
    order = np.lexsort((day, history))
    more = {
        "returned": np.full(saved.sum(), 10**6),
        "count": np.ones(saved.sum(), dtype=np.int64),
    }
    moved = replace(
        orders,
        history=history[order],
        day=day[order],
        **{
            name: np.concatenate([getattr(orders, name), added])[order]
            for name, added in more.items()
        },
    )
    places = np.flatnonzero(chosen)
    spans = ContactSpans(
        customer_id=orders.customer_id[places],
        opens=np.full(len(places), opens),
        closes=np.full(len(places), opens + PERIOD),
        acts_from=np.full(len(places), opens + 2),
        weight=np.where(control[places], 1 / held_out, 0.0),
    )
    return moved, spans


def first_window(levels, cut_off, of):
    (window,) = [w for w in levels.windows(cut_off) if w.cut_off == day_of(of)][:1]
    return window


def test_a_campaign_is_not_taken_for_a_season():
    orders = make_orders(customers=6_000)
    of, asked = GRID[15], GRID[17]
    moved, spans = contacted_orders(orders, day_of(of))
    without = first_window(Levels(orders, WHO, GRID), asked, of)
    naive = first_window(Levels(moved, WHO, GRID), asked, of)
    found = first_window(Levels(moved, WHO, GRID, spans), asked, of)
    noise = np.sqrt(found.variance + without.variance)
    assert naive.multiplier - without.multiplier > 6 * noise
    assert found.multiplier == pytest.approx(without.multiplier, abs=2.5 * noise)
    assert found.customers < naive.customers
    assert found.variance > naive.variance


def test_at_a_cut_off_before_the_first_contact_nothing_is_left_out():
    orders = make_orders(customers=1_000)
    of = GRID[15]
    moved, spans = contacted_orders(orders, day_of(of))
    late = replace(spans, acts_from=np.full(len(spans.opens), day_of(GRID[17])))
    naive = Levels(moved, WHO, GRID)
    levels = Levels(moved, WHO, GRID, late)
    assert repr(levels.at(GRID[17])) == repr(naive.at(GRID[17]))
    assert first_window(levels, GRID[18], of) != first_window(naive, GRID[18], of)
