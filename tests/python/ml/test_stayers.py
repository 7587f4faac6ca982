"""Where examples need more memory than there is, some stayers are left out and others count."""

from dataclasses import replace
from datetime import date
from functools import partial

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from ml.baselines import OwnOrders
from ml.challengers.slot import challenge
from ml.cohorts import RefusedError
from ml.contacted import Contacted, without_contacted
from ml.contract import Examples, read_examples, weighted_median
from ml.evaluation.drift import stability
from ml.evaluation.splits import gains
from ml.record import reference_values_of
from ml.settings import OwnRate
from ml.stayers import PEAK, StayerSample, sample_stayers
from pipeline import steps
from pipeline.project.domains import domain_entries
from pipeline.report.info_sheet import write_info_sheet
from pipeline.runs.context import RunContext
from pipeline.runs.registry import recipe_of

DAYS = [np.datetime64(day) for day in ("2020-01-01", "2020-02-01", "2020-03-01")]
CHURNERS, STAYERS, COLUMNS = 300, 2_700, 9
ROW = COLUMNS * 8 * PEAK


@pytest.fixture
def mart():
    """3,000 customers at three cut-offs, of whom every tenth leaves; and one that was scored."""
    with duckdb.connect() as connection:
        connection.execute("""
            create schema shop;
            create table shop.shop__churn_examples as
            select
                'shop' as domain, 'c' || c as customer_id,
                cast(date '2020-01-01' + to_months(d::integer) as date) as as_of_date,
                null::date as due_on,
                date '2020-06-01' as label_known_on,
                case when d < 3 then (c + d) % 10 = 0 end as is_churned, 1.5 as customer_value,
                c / (1 + ((c + d) % 10 = 0)::integer) as orders__orders,
                c % 3 = 0 as orders__is_many
            from range(3000) as customers (c), range(4) as days (d)
        """)
        yield connection


def read(mart, sample=None):
    return read_examples(
        mart, "shop", since=DAYS[0], until=DAYS[-1] + np.timedelta64(60), only=DAYS, sample=sample
    )


def sampled(mart, rows):
    return sample_stayers(mart, "shop", DAYS, DAYS[-1:], int(rows * ROW) + 1)


def test_nothing_changes_where_all_examples_fit(mart):
    assert sampled(mart, 9_000) is None
    assert sample_stayers(mart, "shop", DAYS, DAYS[-1:], None) is None
    whole = read(mart, sampled(mart, 9_000))
    assert whole.weight is None
    assert len(whole) == 9_000


def test_churners_and_the_test_are_whole_and_stayers_count_for_those_left_out(mart):
    # 3,000 of the test, 600 churners before it, and room for 2,700 of 5,400 stayers
    sample = sampled(mart, 6_300)
    assert sample.one_of == 2
    found = read(mart, sample)
    assert 6_000 < len(found) < 6_600
    for day in DAYS:
        rows = found.as_of_date == day
        churned, weight = found.is_churned[rows] == 1, found.weight[rows]
        assert churned.sum() == CHURNERS
        assert set(weight[churned]) == {1.0}
        # as many as stayed, to the last customer
        assert weight[~churned].sum() == pytest.approx(STAYERS)
        assert found.where(rows).churn_rate() == pytest.approx(0.1)
    test = found.as_of_date == DAYS[-1]
    assert test.sum() == 3_000
    assert set(found.weight[test]) == {1.0}
    assert sample.stayers == 2 * STAYERS
    assert sample.kept == len(found) - 3_000 - 2 * CHURNERS
    assert f"1 of 2 stayers ({sample.kept:,} of 5,400 in 2 cohorts)" in sample.recorded().words


def test_the_same_rows_are_drawn_again_and_fewer_are_some_of_them(mart):
    def keys(sample):
        found = read(mart, sample)
        return set(zip(found.customer_id, found.as_of_date, strict=True))

    half, quarter = sampled(mart, 6_300), sampled(mart, 4_950)
    assert (half.one_of, quarter.one_of) == (2, 4)
    assert keys(half) == keys(half)
    assert keys(quarter) < keys(half)
    # rows, not customers: somebody is drawn at one cut-off and not at another
    drawn = {day: {who for who, when in keys(quarter) if when == day} for day in DAYS[:2]}
    assert drawn[DAYS[0]] != drawn[DAYS[1]]
    # on any machine, and by any version of DuckDB
    assert len(keys(quarter)) == 4_923


def test_values_stay_with_their_rows(mart):
    whole, part = read(mart), read(mart, sampled(mart, 6_300))
    of = {
        key: row
        for *key, row in zip(whole.customer_id, whole.as_of_date, whole.values, strict=True)
        for key in [tuple(key)]
    }
    for *key, row in zip(part.customer_id, part.as_of_date, part.values, strict=True):
        np.testing.assert_array_equal(row, of[tuple(key)])


def test_training_is_refused_where_not_even_as_many_stayers_as_churners_fit(mart):
    # 3,000 of the test, 600 churners and 600 stayers
    assert sampled(mart, 4_200).one_of == 9
    with pytest.raises(RefusedError, match="set training_memory_gb or CHURN_MEMORY higher"):
        sampled(mart, 4_100)
    with pytest.raises(RefusedError, match="every churner of 3 cohorts"):
        sampled(mart, 1_000)


def test_a_cohort_of_which_hardly_any_stayer_would_be_left_is_whole(mart):
    mart.execute(
        "delete from shop.shop__churn_examples where as_of_date = date '2020-01-01' "
        "and not is_churned and substr(customer_id, 2)::integer > 90"
    )
    sample = sampled(mart, 5_000)
    assert list(sample.weights) == [DAYS[1]]
    found = read(mart, sample)
    assert set(found.weight[found.as_of_date == DAYS[0]]) == {1.0}


def test_a_control_that_was_drawn_counts_for_both(mart):
    sample = sampled(mart, 6_300)
    found = read(mart, sample)
    place = int(np.flatnonzero((found.as_of_date == DAYS[0]) & (found.is_churned == 0))[0])
    who = found.customer_id[place]
    drawn = {"customer_id": [who], "as_of_date": [np.datetime64("2020-01-01", "s")]}
    drawn |= {"weight": [4.0], "reason": ["control_of_plan"]}
    kept = without_contacted(found, Contacted(pd.DataFrame(drawn)))
    at = int(np.flatnonzero((kept.customer_id == who) & (kept.as_of_date == DAYS[0]))[0])
    assert kept.weight[at] == pytest.approx(4 * sample.weights[DAYS[0]])


def twice_and_once():
    """Examples of which some count several times, and the same with each so often."""
    generator = np.random.default_rng(5)
    rows = 400
    times = generator.integers(1, 5, rows)
    values = generator.normal(size=(rows, 2)).round(2)
    values[generator.random(rows) < 0.2, 0] = np.nan
    values[:, 1] = generator.integers(1, 9, rows)
    one = Examples(
        domain="test",
        customer_id=np.array([f"c{place}" for place in range(rows)], dtype=object),
        as_of_date=np.full(rows, DAYS[0]),
        is_churned=(generator.random(rows) < 0.3).astype(float),
        features=("a__events", "a__times"),
        values=values,
        is_boolean=np.zeros(2, dtype=bool),
    )
    return one.weighing(times.astype(float)), one.where(np.repeat(np.arange(rows), times))


def test_what_is_usual_counts_customers_and_not_rows():
    weighted, repeated = twice_and_once()
    assert reference_values_of(weighted, DAYS[:1]) == pytest.approx(
        reference_values_of(repeated, DAYS[:1])
    )
    assert reference_values_of(weighted, DAYS[1:]) == {"a__events": None, "a__times": None}
    as_shares = [
        replace(one, values=(one.values > 0).astype(float), is_boolean=np.ones(2, dtype=bool))
        for one in (weighted, repeated)
    ]
    means = [reference_values_of(one, DAYS[:1]) for one in as_shares]
    assert means[0] == pytest.approx(means[1])
    generator = np.random.default_rng(1)
    for _ in range(200):
        values = generator.integers(0, 6, generator.integers(1, 9)).astype(float)
        times = generator.integers(1, 4, len(values))
        assert weighted_median(values, times.astype(float)) == np.median(np.repeat(values, times))


def test_drift_and_rivals_and_gains_count_customers_and_not_rows():
    weighted, repeated = twice_and_once()
    # one of ten, of whom all but the ones were sampled
    drawn, everybody = np.repeat([0.0, 1.0], [100, 100]), np.repeat([0.0, 1.0], [900, 100])
    assert stability(drawn, everybody, np.repeat([9.0, 1.0], 100)) < 0.001
    assert stability(drawn, everybody) > 0.5
    how = OwnRate(events="a__times", of="a__events")
    found = [OwnOrders(how, 30).fit(one).days_an_order for one in (weighted, repeated)]
    assert found[0] == pytest.approx(found[1])
    p = 1 / (1 + np.exp(-weighted.values[:, 1]))
    several = 1 / (1 + np.exp(-repeated.values[:, 1]))
    one, other = gains(weighted, {"m": p}), gains(repeated, {"m": several})
    np.testing.assert_allclose(one["captured"], other["captured"])
    np.testing.assert_allclose(one["rows"], other["rows"])


def test_a_challenger_meets_rows_as_often_as_they_count():
    generator = np.random.default_rng(4)
    rows = 20_000
    outcome = (np.arange(rows) % 2).astype(float)
    examples = Examples(
        domain="test",
        customer_id=np.arange(rows).astype(str).astype(object),
        as_of_date=np.full(rows, DAYS[0]),
        is_churned=outcome,
        features=("a__b",),
        values=generator.normal(size=(rows, 1)),
        is_boolean=np.zeros(1, dtype=bool),
        weight=np.where(outcome == 1, 1.0, 9.0),
    )
    found = challenge(LogisticRegression, examples, examples)
    assert found.mean() == pytest.approx(0.1, abs=0.01)


def test_a_run_says_which_stayers_it_learned_from(demo_copy, console, monkeypatch):
    from ml.learn import learn_until_test

    monkeypatch.setattr("ml.run.learn_until_test", partial(learn_until_test, most_rounds=20))
    entries = {name: entry.resolved() for name, entry in domain_entries().items()}
    entry = entries["kkbox"]
    with duckdb.connect(str(demo_copy.warehouse), read_only=True) as connection:
        rows, columns = connection.execute(
            "select count(*), (select count(*) from (describe kkbox.kkbox__churn_examples)) "
            "from kkbox.kkbox__churn_examples where is_churned is not null"
        ).fetchone()
    needed = rows * columns * 8 * PEAK / 10**9

    def train(training_memory_gb):
        entries["kkbox"] = entry.with_changes({"training_memory_gb": training_memory_gb})
        context = RunContext(demo_copy, ("kkbox",), entries, {}, console)
        return steps.training.train(context, "kkbox"), context

    run, context = train(needed / 3)
    recipe = recipe_of(run)
    assert recipe.stayers.one_of in (2, 3, 4)
    assert recipe.train_rate == pytest.approx(0.07, abs=0.02)
    assert recipe.stayers.words in " ".join(console.export_text(clear=False).split())
    assert recipe.stayers.words in write_info_sheet(context, "kkbox", run).read_text()
    # a run does not record the memory of a machine, and its name says only what was left out
    assert "training_memory_gb" not in recipe.settings
    live = recipe_of(next(p for p in sorted(run.parent.glob("kkbox-*")) if p != run))
    assert live.stayers is None
    assert "1 of" not in write_info_sheet(context, "kkbox", run.parent / live.run_id).read_text()
    test = "select count(*) from '{}/backtest_scores.parquet'"
    tested = [duckdb.sql(test.format(path)).fetchone() for path in (run, run.parent / live.run_id)]
    assert tested[0] == tested[1]


def test_a_condition_is_sql_of_its_cut_offs():
    sample = StayerSample(4, {np.datetime64(date(2020, 1, 1), "D"): 4.0}, 10, 3)
    assert "date '2020-01-01'" in sample.condition
    assert str(2**62) in sample.condition
