"""Rows from before the connection count as history only by a declaration; snapshots never do."""

import pytest
from connections_world import ORDERS

from pipeline.connections.pull import pull
from pipeline.project.errors import ChurnError

UNDECLARED = {key: value for key, value in ORDERS.items() if key not in ("history", "reason")}


def test_rows_from_before_the_connection_stay_there_until_somebody_says_why_they_are_history(
    shop, database, connects, home, monkeypatch
):
    monkeypatch.setenv("CHURN_TODAY", "2026-03-08")
    connects(database, orders=UNDECLARED)
    done = pull("till", home)
    counts = done.tables[0].counts
    assert (counts.new, done.tables[0].before) == (41, 159)
    (words,) = done.warnings
    assert "159 rows are from before this connection" in words
    assert "history: append_only with a reason" in words
    monkeypatch.setenv("CHURN_TODAY", "2026-03-10")
    # an old order that is changed today is no newer for it
    shop("update orders set amount = 1, updated_at = '2026-03-10' where order_id = 7")
    done = pull("till", home)
    assert (done.tables[0].counts.new, done.warnings) == (0, [])
    connects(database, orders=ORDERS)
    done = pull("till", home)
    assert (done.tables[0].counts.new, done.tables[0].counts.updated) == (159, 0)
    assert pull("till", home).tables[0].counts.read < 200


def test_a_table_whose_rows_cannot_be_dated_needs_a_declaration(shop, database, connects, home):
    shop("alter table orders alter column ordered_at type text")
    connects(database, orders=UNDECLARED)
    with pytest.raises(ChurnError, match="the event time ordered_at is text"):
        pull("till", home)


def test_a_snapshot_is_read_whole_and_replaces_the_one_before(asks, database, connects, home):
    asks("create table members (customer int, city text)", "insert into members values (1, 'Ulm')")
    connects(database, members={"table": "members", "snapshot": True})
    done = pull("till", home)
    assert done.tables[0].file == "members_current.parquet"
    assert pull("till", home).tables[0].file is None
    asks("update members set city = 'Bonn'")
    assert pull("till", home).tables[0].file == "members_current.parquet"
    assert [path.name for path in done.folder.iterdir()] == ["members_current.parquet"]


def test_a_snapshot_that_the_sources_call_history_is_refused(shop, database, connects, home):
    connects(database, orders={"table": "orders", "snapshot": True})
    with pytest.raises(ChurnError, match="a snapshot in dbt_project"):
        pull("till", home)
