"""Any other database goes through SQLAlchemy; SQLite stands in for those that nobody tried."""

import sqlite3
from contextlib import closing

import pytest
from connections_world import ORDERS, lake_rows

from pipeline.connections import sqlalchemy_reader
from pipeline.connections.pull import pull
from pipeline.ingest import ingest
from pipeline.project.errors import ChurnError

TABLE = ORDERS | {"table": "orders"}


@pytest.fixture
def other(tmp_path):
    """The address of a SQLite database with orders, and a function that runs SQL in it."""
    path = tmp_path / "other.sqlite"

    def ask(*statements):
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    ask(
        "create table orders (order_id integer primary key, customer integer, ordered_at datetime, "
        "amount numeric(10, 2), status varchar(20), updated_at datetime)",
        """insert into orders
        with recursive n (n) as (select 1 union all select n + 1 from n where n < 300)
        select
            n,
            1000 + n % 50,
            strftime('%Y-%m-%d %H:%M:%f', '2026-03-01', '+' || (n * 60 + 30) || ' minutes'),
            n + 0.25,
            'paid',
            strftime('%Y-%m-%d %H:%M:%f', '2026-03-01', '+' || n || ' hours')
        from n""",
    )
    return f"sqlite:///{path}", ask


def test_rows_come_in_batches_and_a_night_tells_updates_and_deletions(
    other, connects, home, console, monkeypatch
):
    monkeypatch.setattr(sqlalchemy_reader, "_BATCH", 70)
    address, ask = other
    connects(address, orders=TABLE)
    done = pull("till", home)
    ingest("till", done.folder, home, console=console)
    found = lake_rows(home, "customer, ordered_at::varchar, amount, status")
    assert len(found) == 300
    assert ("1001", "2026-03-01 01:30:00", 1.25, "paid") in found
    ask(
        "insert into orders values (301, 7, '2026-03-14 00:00:00', 5, 'paid', "
        "'2026-03-14 00:00:00')",
        "update orders set amount = 9, updated_at = '2026-03-14 00:00:00' where order_id = 4",
        "delete from orders where order_id = 299",
    )
    counts = pull("till", home).tables[0].counts
    assert (counts.new, counts.updated, counts.deleted) == (1, 1, 1)
    assert counts.read < 60
    counts = pull("till", home).tables[0].counts
    assert (counts.new, counts.updated, counts.deleted) == (0, 0, 0)


def test_rows_from_before_the_connection_stay_there_as_well(other, connects, home, monkeypatch):
    monkeypatch.setenv("CHURN_TODAY", "2026-03-10")
    address, _ = other
    connects(address, orders={k: v for k, v in TABLE.items() if k not in ("history", "reason")})
    done = pull("till", home)
    assert (done.tables[0].counts.new, done.tables[0].before) == (85, 215)


def test_a_way_that_was_not_tried_says_so(other, connects, home, monkeypatch):
    address, _ = other
    connects(address, orders=TABLE)
    assert pull("till", home).warnings == []
    monkeypatch.setattr(sqlalchemy_reader, "_TRIED", "another")
    (words,) = pull("till", home).warnings
    assert "was not tried with sqlite" in words


@pytest.mark.parametrize("url", ["snowflake://account/db", "bigquery://project/data"])
def test_a_database_without_a_driver_says_what_to_install(url, connects, home):
    connects(url)
    with pytest.raises(ChurnError, match="There is no driver for") as refusal:
        pull("till", home)
    assert "snowflake-sqlalchemy or sqlalchemy-bigquery" in refusal.value.hint


def test_a_table_that_is_not_there_is_refused(other, connects, home):
    connects(other[0], orders=TABLE | {"table": "sales"})
    with pytest.raises(ChurnError, match="The table sales is not there"):
        pull("till", home)
