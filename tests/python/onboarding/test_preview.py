"""Definitions are compared on the lake as it is; nothing is built."""

import duckdb
import pytest
from made_orders import FIRST, write_made_orders

from pipeline.ingest import ingest
from pipeline.onboarding.definitions import compare
from pipeline.onboarding.lapses import compare_lapses
from pipeline.onboarding.preview import preview_definitions
from pipeline.project.errors import ChurnError


def test_the_orders_of_the_lake_are_compared_and_nothing_is_built(home, raw_dir, tmp_path, console):
    write_made_orders(tmp_path / "sales", customers=400)
    with duckdb.connect() as connection:
        rows = (
            f"select strptime(\"Sold On\", '%d.%m.%Y') as day, Card, Total from "
            f"read_csv('{tmp_path}/sales/*.csv', types = {{'Sold On': 'varchar'}}) "
            "where Card is not null"
        )
        connection.execute(
            "copy (select strftime(day, '%Y-%m-%d 10:00:00 UTC') as event_time, "
            f"'purchase' as event_type, Card as user_id, Total as price from ({rows})) "
            f"to '{raw_dir}/events.csv'"
        )
        connection.execute(
            "create table order_days as select distinct Card as customer_id, "
            f"cast(day as date) as ordered_on from ({rows}) where Total > 0"
        )
        expected = compare(connection, horizons=(30,), lookbacks=(90,), min_orders=2)
    ingest("ecommerce", raw_dir, home, console=console)
    preview = preview_definitions(home, "ecommerce", console)
    assert expected[0] in preview.definitions
    assert {d.min_orders for d in preview.definitions} == {2}
    assert not home.warehouse.exists()
    assert not list(home.work.glob("preview*"))


def test_a_domain_without_data_is_told_what_to_do(home, console):
    with pytest.raises(ChurnError, match="no data of kkbox") as refusal:
        preview_definitions(home, "kkbox", console)
    assert "churn ingest" in refusal.value.hint


def test_lapses_are_counted_as_by_hand():
    """Ends on the 20th of each month; a renews a day late, b 40 days late, c never."""
    day = FIRST.astype("M8[D]").item().replace(day=20)
    periods = {
        "a": [("2022-01-20", "2022-02-20"), ("2022-02-21", "2022-12-31")],
        "b": [("2022-01-20", "2022-02-20"), ("2022-04-01", "2022-12-31")],
        "c": [("2022-01-20", "2022-02-20")],
        "d": [(f"{day}", "2023-06-30"), ("2023-06-30", "2023-07-30")],
    }
    with duckdb.connect() as connection:
        connection.execute(
            "create table purchases (customer_id varchar, transacted_on date, expires_on date)"
        )
        connection.executemany(
            "insert into purchases values (?, ?, ?)",
            [(customer, *row) for customer, own in periods.items() for row in own],
        )
        week, month, long = compare_lapses(connection, (7, 30, 60))
    # cohorts of 2022-02-01 and -16 hold a, b and c: b and c leave, and b comes back; those of
    # 2022-12 hold a and b, who leave, and were not watched for long enough to say who comes back
    assert week.churn_rate == month.churn_rate
    assert long.churn_rate < month.churn_rate
    assert month.come_back == pytest.approx(1 / 2)
    assert (month.fit, bool(month.refusal)) == (0, True)
