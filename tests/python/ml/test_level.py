"""The level of a cohort: from what was known at its cut-off, and only where a year was seen."""

from dataclasses import replace

import duckdb
import numpy as np
import pytest
from scipy.special import expit
from seasonal_orders import FIRST, GRID, WHO, make_orders

from ml.calibrate import Calibration
from ml.contract import day_of, read_examples
from ml.level.forecast import Levels
from ml.level.orders import NEVER, Orders
from ml.level.read import LevelReader, read_levels, rule_of
from ml.level.season import forecast_multipliers, season_seen
from ml.level.windows import Window, solve_multiplier, window_edges
from ml.recipe import LevelRule
from pipeline.project.domains import domain_entries


@pytest.fixture(scope="module")
def orders():
    return make_orders()


@pytest.fixture(scope="module")
def levels(orders):
    return Levels(orders, WHO, GRID)


def observed(orders, cut_off):
    """Share of the cohort without an order in the horizon."""
    day = day_of(cut_off)
    members = orders.before(day).members(day, WHO)
    first = orders.first_order_from(day, members, day + WHO.horizon_days)
    return float(np.isinf(first).mean())


def test_the_level_follows_a_season_that_was_seen_a_year_before(orders, levels):
    asked = [day for day in GRID if levels.at(day).level is not None]
    assert len(asked) >= 6
    told = [levels.at(day) for day in asked]
    misses = [one.level - observed(orders, day) for one, day in zip(told, asked, strict=True)]
    without = [
        one.structure_level - observed(orders, day) for one, day in zip(told, asked, strict=True)
    ]
    assert np.abs(misses).mean() < 0.6 * np.abs(without).mean()
    assert np.abs(misses).max() < 0.09


@pytest.mark.parametrize("future", ["hidden", "garbage"])
def test_a_level_does_not_change_when_the_future_is_hidden_or_garbage(orders, levels, future):
    for cut_off in (GRID[9], GRID[16]):
        day = day_of(cut_off)
        if future == "hidden":
            seen = orders.day < day
            altered = replace(
                orders,
                history=orders.history[seen],
                day=orders.day[seen],
                returned=np.where(orders.returned[seen] < day, orders.returned[seen], NEVER),
                count=orders.count[seen],
            )
        else:
            late = orders.day >= day
            altered = replace(
                orders,
                count=np.where(late, 9, orders.count),
                returned=np.where(orders.returned >= day, day + 1, orders.returned),
                missing=np.arange(day, day + 50),
                missing_known=np.arange(day, day + 50) + 1,
            )
        again = Levels(altered, WHO, tuple(c for c in GRID if c <= cut_off)).at(cut_off)
        assert repr(again) == repr(levels.at(cut_off))
        # an order the day before it does change it
        moved = replace(orders, day=np.where(orders.day == day, day - 1, orders.day))
        assert repr(Levels(moved, WHO, GRID).at(cut_off)) != repr(levels.at(cut_off))


def test_without_a_year_of_windows_the_model_keeps_its_own_level(levels):
    early = levels.at(GRID[5])
    assert early.level is None
    assert "year before" in early.because
    assert early.offset(np.array([-1.0, 2.0]), Calibration("none")) == 0.0


def test_the_gate_asks_for_every_window_of_the_horizon():
    middles = np.array([1_000.0, 1_030.0])
    seen = [Window(600, at, 0.0, 0.01, 100) for at in (640.0, 660.0)]
    assert season_seen(seen, middles, log_opens=400, lookback_days=120)
    assert not season_seen(seen[:1], middles, log_opens=400, lookback_days=120)
    assert not season_seen([], middles, log_opens=400, lookback_days=120)


def test_the_gate_does_not_count_cohorts_of_a_log_that_has_just_begun():
    """All customers of a log's first weeks are new to it; what they order is no season."""
    middles = np.array([1_000.0])
    seen = [Window(600, 640.0, 0.0, 0.01, 100)]
    assert season_seen(seen, middles, log_opens=509, lookback_days=180)
    assert not season_seen(seen, middles, log_opens=510, lookback_days=180)


@pytest.mark.parametrize("method", ["none", "platt", "isotonic"])
def test_the_offset_puts_the_mean_risk_on_the_level(levels, method):
    level = levels.at(GRID[16])
    margins = np.random.default_rng(3).normal(0.2, 1.0, 2_000)
    calibration = {
        "none": Calibration("none"),
        "platt": Calibration("platt", slope=1.2, shift=-0.3),
        "isotonic": Calibration("isotonic", knots=(-9.0, 9.0), levels=(0.01, 0.99)),
    }[method]
    offset = level.offset(margins, calibration)
    assert calibration.apply(margins + offset).mean() == pytest.approx(level.level, abs=1e-9)
    assert offset != 0


def test_a_multiplier_is_found_from_how_many_ordered():
    rng = np.random.default_rng(4)
    silence = rng.gamma(1.0, 0.7, 20_000)
    ordered = rng.random(20_000) < -np.expm1(-silence * np.exp(0.4))
    found, variance = solve_multiplier(silence, ordered)
    assert found == pytest.approx(0.4, abs=4 * np.sqrt(variance))
    assert variance < 0.001
    # nobody and everybody have a finite one
    assert np.isfinite(solve_multiplier(silence, np.zeros(20_000, dtype=bool))).all()
    assert np.isfinite(solve_multiplier(silence, np.ones(20_000, dtype=bool))).all()


def test_a_season_of_two_years_is_forecast_for_the_third():
    rng = np.random.default_rng(5)
    at = np.arange(0, 730, 15.0)
    windows = [
        Window(int(t), t, 0.4 * np.sin(2 * np.pi * t / 365.25) + rng.normal(0, 0.05), 0.002, 900)
        for t in at
    ]
    middles = np.array([745.0, 775.0, 805.0])
    mean, deviation = forecast_multipliers(windows, middles, -500, 90)
    assert mean == pytest.approx(0.4 * np.sin(2 * np.pi * middles / 365.25), abs=0.12)
    assert (deviation > 0.02).all()
    # the first year of a log counts less where it does not cover what members are judged by
    less, wider = forecast_multipliers(windows, middles, 0, 3_000)
    assert (wider > deviation).all()
    assert np.abs(less).max() < np.abs(mean).max() + 0.05


def test_a_window_without_its_days_is_left_out_and_a_missing_day_lowers_what_is_expected(orders):
    whole = Levels(orders, WHO, GRID).windows(GRID[12])
    opens = day_of(GRID[3])
    gone = Levels(make_orders(missing=range(opens, opens + 10)), WHO, GRID).windows(GRID[12])
    assert len(gone) == len(whole) - 2  # the second window of the cohort before, and the first
    one = Levels(make_orders(missing=[opens + 3]), WHO, GRID).windows(GRID[12])
    of = {(window.cut_off, window.middle): window.multiplier for window in one}
    raised = [of[w.cut_off, w.middle] - w.multiplier for w in whole]
    assert max(raised) > 0.02
    assert min(raised) == 0


def test_a_horizon_is_cut_into_windows_of_about_a_month():
    assert window_edges(30) == [0, 30]
    assert window_edges(90) == [0, 30, 60, 90]
    assert window_edges(14) == [0, 14]
    assert window_edges(100) == [0, 33, 67, 100]


def test_an_order_counts_until_its_return_is_known_and_not_in_an_outcome(orders):
    bought, day = FIRST + 200, FIRST + 210
    one = Orders(
        np.array(["a", "b"], dtype=object),
        np.array([-NEVER, -NEVER]),
        np.array([NEVER, NEVER]),
        np.array([0, 1, 1]),
        np.array([bought, bought, bought]),
        np.array([day, NEVER, day]),
        np.array([1, 1, 1]),
        np.array([], dtype=np.int64),
        np.array([], dtype=np.int64),
    )
    assert one.before(day).members(day, WHO).tolist() == [0, 1]
    assert one.before(day + 1).members(day + 1, WHO).tolist() == [1]
    place, histories = one.everybody(day)
    assert place.tolist() == [0, 1]
    assert histories.repeats.tolist() == [0, 0]  # a day counts once
    # after two years it counts no more
    assert one.everybody(bought + 730)[0].tolist() == [1]
    assert one.everybody(bought + 731)[0].tolist() == []
    members = np.array([0, 1])
    assert one.first_order_from(bought - 5, members, day).tolist() == [5, 5]
    assert one.first_order_from(bought - 5, members, day + 1).tolist() == [np.inf, 5]


def test_a_history_is_seen_while_it_holds():
    day = FIRST + 100
    joined = Orders(
        np.array(["a", "a", "b"], dtype=object),
        np.array([-NEVER, day, -NEVER]),
        np.array([day, NEVER, day]),
        np.array([0, 1, 1, 2]),
        np.array([day - 20, day - 20, day - 5, day - 5]),
        np.full(4, NEVER),
        np.ones(4, dtype=np.int64),
        np.array([], dtype=np.int64),
        np.array([], dtype=np.int64),
    )
    assert joined.before(day).members(day, WHO).tolist() == [0, 2]
    later = joined.before(day + 1)
    assert later.members(day + 1, WHO).tolist() == [1]
    assert later.everybody(day + 1)[1].repeats.tolist() == [1]


def test_members_are_those_of_the_mart(demo):
    entry = domain_entries()["ecommerce"].resolved()
    with duckdb.connect(str(demo[0].warehouse), read_only=True) as connection:
        levels = read_levels(connection, "ecommerce", rule_of(entry))
        for cut_off in (levels.cut_offs[0], levels.cut_offs[len(levels.cut_offs) // 2], None):
            day = cut_off or levels.cut_offs[-1]
            examples = read_examples(connection, "ecommerce", since=day, until=day)
            structure = levels.structure(day)
            members = levels.orders.customer_id[structure.members]
            assert sorted(members) == sorted(examples.customer_id)
            none = levels.probability_of_none(examples)
            assert ((none > 0) & (none < 1)).all()
            # what was frozen as the outcome is what the windows count
            closed = examples.cohorts([day])
            if len(closed):
                first = levels.orders.first_order_from(
                    day_of(day), structure.members, day_of(day) + levels.who.horizon_days
                )
                silent = set(members[np.isinf(first)])
                assert silent == set(closed.customer_id[closed.is_churned == 1])


def test_every_cohort_is_put_on_its_own_level(orders, levels):
    examples = make_examples_of(orders, (GRID[15], GRID[16]))
    margins = np.random.default_rng(6).normal(0, 1, len(examples))
    shifted = levels.shifted(examples, margins, Calibration("none"))
    for day in (GRID[15], GRID[16]):
        rows = examples.as_of_date == day
        assert expit(shifted[rows]).mean() == pytest.approx(levels.at(day).level, abs=1e-9)
        assert np.ptp(shifted[rows] - margins[rows]) < 1e-12


def make_examples_of(orders, cut_offs):
    from ml.contract import Examples

    rows = [
        (customer, cut_off)
        for cut_off in cut_offs
        for customer in orders.customer_id[
            orders.before(day_of(cut_off)).members(day_of(cut_off), WHO)
        ]
    ]
    rows.sort(key=lambda row: (row[0], row[1]))
    return Examples(
        domain="test",
        customer_id=np.array([customer for customer, _ in rows], dtype=object),
        as_of_date=np.array([day for _, day in rows], dtype="datetime64[D]"),
        is_churned=np.zeros(len(rows)),
        features=("a__b",),
        values=np.zeros((len(rows), 1)),
        is_boolean=np.array([False]),
    )


def test_runs_with_one_rule_share_what_is_learned(monkeypatch):
    asked = []
    monkeypatch.setattr("ml.level.read.read_levels", lambda *which: asked.append(which) or which)
    rule = LevelRule(
        orders="shop.orders",
        horizon_days=30,
        lookback_days=90,
        min_orders=1,
        grid="month",
        grid_days=(1,),
    )
    levels = LevelReader(None, "shop")
    assert levels.of(rule) is levels.of(rule.model_copy())
    other = levels.of(rule.model_copy(update={"horizon_days": 60}))
    assert other is not levels.of(rule)
    assert levels.of(None) is None
    assert [which[2].horizon_days for which in asked] == [30, 60]


def test_levels_read_whom_contacts_may_have_moved(demo, monkeypatch):
    spans = object()
    monkeypatch.setattr("ml.level.read.read_contact_spans", lambda *_: spans)
    rule = rule_of(domain_entries()["ecommerce"].resolved())
    with duckdb.connect(str(demo[0].warehouse), read_only=True) as connection:
        assert read_levels(connection, "ecommerce", rule).contacts is spans
