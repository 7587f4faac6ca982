"""The compiled SQL of the shop's labels and features beside a second one in plain Python.

Both read the same made-up customers. What differs is told with customer, cut-off, column, both
values and the smallest history that shows it.
"""

import functools
import json
from collections import Counter
from datetime import date, timedelta

import pytest
import yaml
from hypothesis import strategies as st
from reference.agree import agree, agree_on_many, described_columns, noticed, tell
from reference.compare import differences
from reference.ecommerce_edges import AT_THE_EDGES, CUT_OFFS, LONG_AFTER
from reference.ecommerce_histories import make_world
from reference.ecommerce_labels import Rule
from reference.ecommerce_marts import Features, Labels
from reference.stack import compiled, compiled_once

from pipeline.project.home import PROJECT
from pipeline.warehouse.compiled_sql import compiled_stack


@st.composite
def worlds(draw, customers, with_visits):
    """Arguments of make_world. One cut-off is special: coverage and knowledge end around it."""
    cut_offs = draw(st.lists(st.sampled_from(CUT_OFFS), min_size=1, max_size=3, unique=True))
    cut_off = cut_offs[0]

    def days_before(*ages):
        return cut_off - timedelta(days=draw(st.sampled_from(ages)))

    closing = days_before(-29, -30, -31)
    late = cut_off + timedelta(days=1_500)
    arguments = {
        "seed": draw(st.integers(0, 2**32 - 1)),
        "customers": customers,
        "cut_offs": cut_offs,
        "known_before": draw(
            st.sampled_from([closing, closing, late, late, late, days_before(0, 1, 8)])
        ),
        "with_visits": with_visits,
    }
    if with_visits:
        long_ago, for_ever = 3_000, -3_000
        arguments |= {
            "covered_from": {
                "purchase": days_before(long_ago, 90, 180, 364, 365, 366, 454, 455),
                "view": days_before(long_ago, long_ago, 27, 28, 29, 89, 90, 91),
                "cart": days_before(long_ago, long_ago, 27, 28, 29, 89, 90, 91),
            },
            "covered_before": {
                "purchase": days_before(for_ever, for_ever, 6, 7, 8),
                "view": days_before(for_ever, for_ever, 6, 7, 8, 40),
                "cart": days_before(for_ever, for_ever, 6, 7, 8, 40),
            },
            "missing": draw(
                st.sampled_from([(), (), (), ("view",), ("cart", "remove_from_cart"), ("price",)])
            ),
        }
    return arguments


@pytest.fixture(scope="session")
def compiled_shop(run_dbt, tmp_path_factory):
    """The Home in which dbt compiled the shop's models."""
    return compiled_once(run_dbt, tmp_path_factory)


@pytest.fixture(scope="session")
def labels(compiled_shop):
    return Labels(compiled_stack(compiled_shop, "ecommerce", "ecommerce__labels"))


@pytest.fixture(scope="session")
def features(compiled_shop):
    return Features(compiled_stack(compiled_shop, "ecommerce", "ecommerce__churn_examples"))


# ---------------------------------------------------------------------- labels


def test_labels_agree_on_5_000_histories(labels):
    count, rows = agree_on_many(labels, worlds(1_000, False), make_world, 5)
    assert count == 5_000
    assert min(outcomes(rows).values()) > 100


@pytest.mark.long
def test_labels_agree_on_20_000_histories(labels):
    count, rows = agree_on_many(labels, worlds(500, False), make_world, 40)
    assert count == 20_000
    assert min(outcomes(rows).values()) > 1_000


def outcomes(rows):
    """How many churn, stay, and are not known."""
    counts = Counter(row["is_churned"] for row in rows)
    return {outcome: counts[outcome] for outcome in (True, False, None)}


@pytest.mark.parametrize("late", [-1, 29, 30])
def test_cohorts_close_on_the_same_day(labels, late):
    cut_off = date(2020, 5, 1)
    known_before = cut_off + timedelta(days=late)
    world = make_world(late + 1, 200, [cut_off], known_before, with_visits=False)
    assert {row["is_churned"] is None for row in agree(world, labels).values()} == {late < 30}


def test_labels_agree_where_labels_are_on_record(labels):
    rows = agree(make_world(**AT_THE_EDGES["labels are on record"]), labels)
    counts = Counter((definition, cut_off) for _, cut_off, definition in rows)
    assert len(counts) == 5
    assert min(counts.values()) > 50


# -------------------------------------------------------------------- features


def test_the_reference_has_every_feature_of_the_mart(features):
    world = make_world(7, 20, [date(2020, 5, 1)], LONG_AFTER)
    row = next(iter(features.reference(world).values()))
    described = described_columns("ecommerce")
    assert sorted(described) == sorted(("customer_id", "as_of_date", *row))
    assert len([name for name in described if "__" in name]) == 105


def test_features_agree_on_600_histories(features):
    count, _ = agree_on_many(features, worlds(150, True), make_world, 4)
    assert count == 600


@pytest.mark.long
def test_features_agree_on_8_000_histories(features):
    count, rows = agree_on_many(features, worlds(200, True), make_world, 40)
    assert count == 8_000
    # comparing a column that never changes would compare nothing
    constant = {name for name in rows[0] if len({row[name] for row in rows}) == 1}
    assert constant == {"domain", "due_on"}


@pytest.fixture(scope="session")
def edges(features):
    """World, reference's rows and differences at each edge; worked out once."""

    @functools.cache
    def at(edge):
        world = make_world(**AT_THE_EDGES[edge])
        expected = features.reference(world)
        return world, expected, differences(expected, features.sql(world))

    return at


@pytest.mark.parametrize("edge", AT_THE_EDGES)
def test_features_agree_where(features, edges, edge):
    world, rows, unequal = edges(edge)
    assert len(rows) > 100
    tell(world, unequal, features)


@pytest.mark.slow
@pytest.mark.parametrize(
    "preset", ["wide", *(pytest.param(n, marks=pytest.mark.long) for n in ("long", "short"))]
)
def test_features_agree_under_other_parameters(run_dbt, tmp_path, preset):
    domains = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]["churn_domains"]
    shop = domains["ecommerce"]
    # horizon and lookback that reach as far as they may
    wide = {"horizon_days": 365, "lookback_days": 730, "min_orders": 1}
    shop |= {"wide": wide, **shop["presets"]}[preset]
    rule = Rule(*(shop[name] for name in Rule._fields))
    home = compiled(
        run_dbt,
        tmp_path / "home",
        *("--select", "+ecommerce__churn_examples"),
        *("--vars", json.dumps({"churn_domains": domains})),
    )
    both = Features(compiled_stack(home, "ecommerce", "ecommerce__churn_examples"), rule)
    count, rows = agree_on_many(both, worlds(150, True), make_world, 8)
    assert count == 1_200
    assert min(outcomes(rows).values()) > 0


# --------------------------------------------------------------------- mutants

# model, its words, other words: what the comparison has to notice
MUTANTS = {
    "an order on the cut-off is not seen": (
        "int_no_contract__labels_closed",
        "cohort.as_of_date <= orders.ordered_on",
        "cohort.as_of_date < orders.ordered_on",
    ),
    "the horizon has a day more": (
        "int_no_contract__labels_closed",
        "> orders.ordered_on",
        ">= orders.ordered_on",
    ),
    "a cohort closes a day late": (
        "int_no_contract__labels_closed",
        "<= max(knowledge.known_before)",
        "< max(knowledge.known_before)",
    ),
    "the lookback has a day more": (
        "int_no_contract__cohorts_selected",
        "max(orders.ordered_on) >=",
        "max(orders.ordered_on) + 1 >=",
    ),
    "one order is enough": (
        "int_no_contract__cohorts_selected",
        "count(*) >= max(cut_offs.min_orders)",
        "count(*) >= 1",
    ),
    "memory is a day shorter": (
        "int_no_contract__order_days_aggregated",
        "cast(-730 as integer)",
        "cast(-729 as integer)",
    ),
    "purchases without a session are an order each": (
        "int_no_contract__purchases_assigned",
        "min(order_id) over (partition by domain, customer_id, ordered_on)",
        "cast(ordered_at as varchar)",
    ),
    "an order's hour is that of its last purchase": (
        "int_no_contract__orders_placed",
        "min(ordered_at)",
        "max(ordered_at)",
    ),
    "cents cut, not rounded": ("stg_ecommerce__events", "round(", "trunc("),
    "an order counts until the day after its return": (
        "int_no_contract__order_days_aggregated",
        "cohort.as_of_date > days.returned_on",
        "cohort.as_of_date > days.returned_on + 1",
    ),
    "a return on the cut-off is known": (
        "int_no_contract__cohorts_selected",
        "cut_offs.as_of_date > orders.returned_on",
        "cut_offs.as_of_date >= orders.returned_on",
    ),
    "a return on the day the outcome is known counts": (
        "int_no_contract__labels_closed",
        "> orders.returned_on",
        ">= orders.returned_on",
    ),
    "a returned order's units stay in the basket": (
        "int_no_contract__baskets_summarised",
        "not coalesce(cohort.as_of_date > kept.returned_on, false)",
        "true",
    ),
    "refunds lower nothing": (
        "int_no_contract__revenue_days_booked",
        "-amount_cents as amount_cents",
        "0 as amount_cents",
    ),
    "a refund is of the first order": (
        "int_no_contract__refunds_matched",
        "order by ordered_on desc, order_id desc",
        "order by ordered_on asc, order_id desc",
    ),
    "a refund counts before its order": (
        "int_no_contract__refunds_matched",
        "and refunds.refunded_on >= purchases.ordered_on",
        "",
    ),
    "a quantity is one unit": (
        "stg_ecommerce__events",
        "abs(coalesce(source.quantity, 1))",
        "1",
    ),
    "a negative quantity buys": (
        "stg_ecommerce__events",
        "source.price < 0 or source.quantity < 0",
        "source.price < 0",
    ),
    "a refund is a visit": (
        "int_no_contract__visit_days_aggregated",
        "not is_refund",
        "true",
    ),
    "evening begins a moment later": (
        "int_no_contract__visit_days_aggregated",
        "extract(hour from happened_at) >= 18",
        "cast(happened_at as time) > time '18:00:00'",
    ),
    "a session that lives for days is one": (
        "int_no_contract__visits_summarised",
        "sum(case when days_before <= 28 then viewing_sessions end)",
        "max(case when days_before <= 28 then viewing_sessions end)",
    ),
    "a remap counts until a year and a day after": (
        "int_no_contract__baskets_featured",
        "< changes.started_on",
        "<= changes.started_on",
    ),
    "a cart log repaired on the window's first day is broken": (
        "int_no_contract__visits_featured",
        "changes.ended_on > (carts_filled.as_of_date + cast(-28 as integer))",
        "changes.ended_on >= (carts_filled.as_of_date + cast(-28 as integer))",
    ),
    "a quarter is known when a year is": (
        "int_no_contract__calendar_featured",
        "window_days = 455",
        "window_days = 365",
    ),
    "an unsure cohort closes": (
        "int_no_contract__labels_closed",
        "and count(holes.day) = 0",
        "",
    ),
    "a cohort is sure a day early": (
        "int_no_contract__labels_closed",
        "cohort.as_of_date < holes.unsure_before",
        "cohort.as_of_date + 1 < holes.unsure_before",
    ),
    "the outage of the last order's day counts": (
        "int_no_contract__orders_featured",
        "cast(1 - orders.days_since_last as integer)",
        "cast(0 - orders.days_since_last as integer)",
    ),
}


@pytest.fixture(scope="session")
def looked_at(labels, features):
    """A world that shows every mutant, and the reference's answers to it."""
    cut_offs = [date(2019, 11, 16), date(2019, 12, 29), date(2020, 11, 30)]
    begins = cut_offs[1] - timedelta(days=365 + 90)
    known_before = cut_offs[-1] + timedelta(days=30)
    # a hole that makes the second cohort unsure, but for a day
    unsure = ((date(2019, 12, 20), date(2019, 12, 21), cut_offs[1] + timedelta(days=1)),)
    world = make_world(
        9,
        600,
        cut_offs,
        known_before,
        covered_from={"purchase": begins},
        outcome_holes=unsure,
    )
    return world, [(both, both.reference(world)) for both in (labels, features)]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_comparison_notices(looked_at, mutant):
    assert noticed(*looked_at, MUTANTS[mutant])
