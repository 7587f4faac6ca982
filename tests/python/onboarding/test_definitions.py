"""Cohorts, outcomes and returns are counted by hand and by the comparison alike."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pytest

from pipeline.onboarding.definitions import LEAST, USUAL, compare, recommend

FIRST = date(2022, 1, 1)


@pytest.fixture(scope="module")
def session():
    """Order days of 900 customers over 500 days; a third stops on some day."""
    rng = np.random.default_rng(3)
    rows = []
    for customer in range(900):
        rate, ends = rng.choice([0.02, 0.06]), rng.exponential(400)
        rows += [
            (str(customer), FIRST + timedelta(days=day))
            for day in range(500)
            if day < ends and rng.random() < rate
        ]
    with duckdb.connect() as connection:
        connection.execute("create table order_days (customer_id varchar, ordered_on date)")
        connection.executemany("insert into order_days values (?, ?)", rows)
        yield connection


def by_hand(rows, end, horizon, lookback, warm_up):
    """Customers and leavers of each closed cohort, and how many leavers order later."""
    days = {}
    for customer, day in rows:
        days.setdefault(customer, []).append(day)
    first = min(day for _, day in rows)
    cohorts, left, back = {}, 0, 0
    for n in range(warm_up, (end - first).days + 1):
        cut = first + timedelta(days=n)
        if cut.day not in (1, 16) or cut + timedelta(days=horizon) > end:
            continue
        size = churners = 0
        for own in days.values():
            before = [day for day in own if day < cut]
            if not before or max(before) < cut - timedelta(days=lookback):
                continue
            size += 1
            after = [day for day in own if day >= cut]
            if not [day for day in after if day < cut + timedelta(days=horizon)]:
                churners += 1
                if cut + timedelta(days=horizon + 180) <= end:
                    left += 1
                    back += any(day < cut + timedelta(days=horizon + 180) for day in after)
        cohorts[cut] = (size, churners)
    return cohorts, back / left


@pytest.mark.parametrize(("horizon", "lookback"), [(30, 60), (60, 90)])
def test_a_definition_counts_as_by_hand(session, horizon, lookback):
    rows = session.execute("select * from order_days").fetchall()
    end = max(day for _, day in rows) + timedelta(days=1)
    (found,) = compare(session, horizons=(horizon,), lookbacks=(lookback,))
    assert found.is_usual and found.minimum == USUAL
    cohorts, back = by_hand(rows, end, horizon, lookback, found.warm_up_days)
    assert found.closed == len(cohorts)
    assert found.customers == list(cohorts.values())[-1][0]
    assert found.rows == sum(size for size, _ in cohorts.values())
    assert found.churn_rate == pytest.approx(
        sum(churners for _, churners in cohorts.values()) / found.rows
    )
    assert found.come_back == pytest.approx(back)


def test_data_that_are_too_few_take_the_smallest_minimum_or_are_refused(session):
    with duckdb.connect() as few:
        rows = session.execute(
            "select * from order_days where cast(customer_id as integer) % 6 = 0"
        ).fetchall()
        few.execute("create table order_days (customer_id varchar, ordered_on date)")
        few.executemany("insert into order_days values (?, ?)", rows)
        (small,) = compare(few, horizons=(30,), lookbacks=(90,))
        assert small.fit and small.minimum == LEAST
        (none,) = compare(few, horizons=(180,), lookbacks=(365,))
        assert not none.fit and none.refusal
        assert recommend([none], (1, 2, 3, 4)) is None


def test_the_recommended_horizon_is_the_shortest_after_which_few_come_back(session):
    definitions = compare(session)
    gaps = (5, 20, 60, 100)
    found = recommend(definitions, gaps).definition
    assert found.come_back <= 0.25 and found.horizon_days >= 20
    shorter = [d for d in definitions if d.horizon_days < found.horizon_days and d.is_usual]
    assert all(d.come_back is None or d.come_back > 0.25 or d.horizon_days < 20 for d in shorter)
    assert found.lookback_days >= 100
