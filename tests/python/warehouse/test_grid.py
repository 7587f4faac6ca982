"""The grid is a calendar rule, nights are none of it, and each kind of day knows its test."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pytest

from ml.cohorts import is_on_grid
from pipeline.project.domains import domain_entries
from pipeline.warehouse.compiled_sql import placed

ENTRY = domain_entries()["kkbox"].resolved()


@pytest.fixture(scope="module")
def compiled(demo):
    """Name of a model → its SQL as dbt compiled it, over relations of an in-memory database."""

    def read(name):
        (path,) = (demo[0].dbt_target / "compiled").rglob(f"{name}.sql")
        return placed(path.read_text())

    return read


def grids(connection, grid, days):
    listed = [*days, None, None, None, None][:4]
    connection.execute("create schema control; create schema ml; create schema churn")
    connection.execute(
        "create table control.control__grids as select 'shop' as domain, 'orders' as anchor_table, "
        "? as grid, ?::integer as grid_day_1, ?::integer as grid_day_2, ?::integer as grid_day_3, "
        "?::integer as grid_day_4, 7 as warm_up_days",
        [grid, *listed],
    )
    connection.execute(
        "create table control.control__knowledge as "
        "select 'shop' as domain, date '2017-03-20' as known_before; "
        "create table control.control__starts as select 'shop' as domain, "
        "'orders' as table_name, date '2016-11-20' as starts_on; "
        "create table control.control__scoring_cut_offs as "
        "select 'shop' as domain, date '2017-03-19' as as_of_date; "
        # nights that ran, one of them on a day of the grid
        "create table ml.scored_cut_offs as select 'shop' as domain, "
        "unnest([date '2017-02-27', date '2017-02-28', date '2017-03-01']) as as_of_date"
    )


@pytest.mark.parametrize(
    ("grid", "days"),
    [
        ("month", (1,)),
        ("month", (1, 16)),
        ("month", (1, 8, 16, 24)),
        ("month", (28,)),
        ("week", (1,)),
    ],
)
def test_sql_and_python_lay_the_same_grid_and_nights_are_no_part_of_it(compiled, grid, days):
    settings = ENTRY.with_changes({"grid": grid, "grid_days": days})
    with duckdb.connect() as connection:
        grids(connection, grid, days)
        found = dict(
            connection.execute(
                f"select as_of_date, is_on_grid from ({compiled('control__cut_offs')})"
            ).fetchall()
        )
    first, last = date(2016, 11, 27), date(2017, 3, 20)
    every_day = [first + timedelta(n) for n in range((last - first).days + 1)]
    expected = [day for day in every_day if is_on_grid(np.datetime64(day), settings)]
    assert sorted(day for day, on_grid in found.items() if on_grid) == expected
    nights = {date(2017, 2, 27), date(2017, 2, 28), date(2017, 3, 1), date(2017, 3, 19)}
    assert {day for day, on_grid in found.items() if not on_grid} == nights - set(expected)


def test_the_published_cohorts_have_one_a_month_and_tell_nights_apart(demo):
    with duckdb.connect(str(demo[0].warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select distinct domain, as_of_date, is_on_grid, is_period_start "
            "from serving.bi_churn_cohorts order by all"
        ).fetchall()
    for domain in ("kkbox", "ecommerce"):
        settings = domain_entries()[domain]
        of_domain = [row for row in rows if row[0] == domain]
        starts = [day for _, day, _, start in of_domain if start]
        months = {(day.year, day.month) for _, day, on_grid, _ in of_domain if on_grid}
        assert {(day.year, day.month) for day in starts} == months
        assert len(starts) == len(months)
        for _, day, on_grid, start in of_domain:
            assert on_grid == is_on_grid(np.datetime64(day), settings)
            assert on_grid or not start


def with_tests_on(connection, days):
    connection.execute("create schema churn")
    connection.execute(
        "create table churn.int_churn__live_runs_selected as "
        "select 'shop' as domain, 'run' as run_id"
    )
    connection.execute(
        "create table churn.stg_churn__backtest_scores as select 'run' as run_id, "
        "'c' as customer_id, unnest(?::date[]) as as_of_date",
        [[date(2017, 1, day) for day in days]],
    )


@pytest.mark.parametrize(
    ("days", "measured"),
    [
        ((1,), {*range(1, 6), *range(28, 32)}),
        ((1, 16), {*range(1, 6), *range(12, 21), *range(28, 32)}),
        ((1, 8, 16, 24), set(range(1, 32))),
    ],
)
def test_a_day_is_measured_within_four_days_of_a_tested_one(compiled, days, measured):
    with duckdb.connect() as connection:
        with_tests_on(connection, days)
        found = connection.execute(
            "select day_of_month, day(test_as_of_date), is_measured "
            f"from ({compiled('int_churn__test_days_picked')})"
        ).fetchall()
    assert [day for day, *_ in sorted(found)] == list(range(1, 32))
    assert {day for day, _, is_measured in found if is_measured} == measured

    def apart(one, other):
        return min(abs(one - other), 31 - abs(one - other))

    for day, nearest, _ in found:
        assert apart(day, nearest) == min(apart(day, other) for other in days)


def test_members_who_renew_for_30_days_wait_in_the_crm_from_26_february_to_4_march(compiled):
    """They leave the month's window when they renew and are back before their row is deleted."""
    waits = ENTRY.retention.out_of_scope_days
    nights = [date(2017, 2, 26) + timedelta(n) for n in range(7)]
    renewed = [date(2017, 2, 20) + timedelta(n) for n in range(10)]
    with duckdb.connect() as connection:
        connection.execute("create schema control; create schema subscription")
        connection.execute(
            "create table control.control__identities (domain varchar, id varchar, "
            "customer_id varchar, known_as varchar, known_after date, known_until date)"
        )
        connection.execute(
            "create table control.control__cut_offs as select 'kkbox' as domain, "
            "unnest(?::date[]) as as_of_date, null::date as due_from",
            [nights],
        )
        # each renews on the day of the expiry, for 30 days from it
        connection.execute(
            "create table subscription.int_subscription__periods_ordered as "
            "with members as (select unnest(?::date[]) as day), rows as ("
            "select day - 30 as transacted_on, day as expires_on, day as member from members "
            "union all select day, day + 30, day from members) "
            "select 'kkbox' as domain, cast(member as varchar) as customer_id, transacted_on, "
            "expires_on, "
            "lead(transacted_on) over (partition by member order by transacted_on) "
            "as next_transacted_on, "
            + ", ".join(
                f"null as {name}"
                for name in (
                    "position",
                    "payment_method",
                    "plan_days",
                    "list_price",
                    "amount_paid",
                    "is_auto_renew",
                    "is_cancel",
                    "is_zero_plan_days",
                    "is_zero_paid",
                    "is_trial",
                    "is_expiry_before_transaction",
                    "renewal_gap_days",
                )
            )
            + " from rows",
            [renewed],
        )
        cohorts = compiled("int_subscription__cohorts_selected")
        found = connection.execute(f"select customer_id, as_of_date from ({cohorts})").fetchall()
    scored = {}
    for member, night in found:
        scored.setdefault(member, set()).add(night)
    were_out = 0
    for member, of_member in scored.items():
        last = None
        for night in nights:
            if night in of_member:
                last = night
            elif last is not None:
                were_out += 1
                assert (night - last).days <= waits, f"{member} would be deleted on {night}"
    assert were_out >= 3, "members do leave the window"


def test_who_was_scored_lately_is_found_and_who_was_not_is_not(compiled):
    with duckdb.connect() as connection:
        connection.execute("create schema churn")
        connection.execute(
            "create table churn.int_churn__live_runs_selected as "
            "select 'kkbox' as domain, date '2017-03-04' as as_of_date"
        )
        connection.execute(
            "create table churn.stg_churn__scores as select 'kkbox' as domain, "
            "unnest(['seven', 'eight', 'now', 'later']) as customer_id, "
            "unnest([date '2017-02-25', date '2017-02-24', date '2017-03-04', "
            "date '2017-03-09']) as as_of_date"
        )
        found = connection.execute(
            f"select customer_id from ({compiled('int_churn__last_scored_days_found')}) order by 1"
        ).fetchall()
    assert [row[0] for row in found] == ["now", "seven"]


def test_a_deletion_waits_as_long_as_a_label():
    """Both are told to others, and a row that comes late changes both."""
    for entry in domain_entries().values():
        assert entry.retention.out_of_scope_days >= entry.settle_days


@pytest.mark.parametrize(
    ("missing", "is_doubted"),
    [
        ("2017-03-03", True),
        ("2017-03-04", False),  # the day of the cut-off is not over
        ("2016-12-04", True),
        ("2016-12-03", False),  # forgotten
    ],
)
def test_departures_are_in_doubt_while_a_missing_day_is_remembered(compiled, missing, is_doubted):
    with duckdb.connect() as connection:
        connection.execute("create schema churn; create schema control")
        connection.execute(
            "create table churn.int_churn__live_runs_selected as "
            "select unnest(['kkbox', 'ecommerce']) as domain, date '2017-03-04' as as_of_date"
        )
        connection.execute(
            "create table control.control__grids as "
            "select unnest(['kkbox', 'ecommerce']) as domain, 90 as hole_memory_days"
        )
        connection.execute(
            "create table control.control__outcome_holes as select 'kkbox' as domain, "
            f"unnest([date '{missing}', date '2015-01-01']) as day"
        )
        found = connection.execute(
            f"select domain from ({compiled('int_churn__departures_doubted')})"
        ).fetchall()
    assert found == ([("kkbox",)] if is_doubted else [])
