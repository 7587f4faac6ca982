"""What is pulled from a real PostgreSQL: new rows once, updates and deletions told."""

import pytest
from connections_world import ORDERS, content_of, lake_rows, rows_of

from pipeline.connections.pull import pull
from pipeline.ingest import ingest


def changed(home):
    folder = home.landing / "till" / "changes"
    return rows_of(folder.glob("*.parquet"), "order_id, status, amount, churn_change")


@pytest.fixture
def takes(home, console):
    """A function that pulls and ingests, and returns what came of the orders."""

    def take():
        done = pull("till", home)
        if any(done.folder.glob("*")):
            ingest("till", done.folder, home, console=console)
        return done

    return take


def test_the_first_pull_brings_every_row_with_its_digits_and_moments(
    shop, database, connects, home, takes
):
    connects(database)
    done = takes()
    counts = done.tables[0].counts
    assert (counts.read, counts.new, counts.updated, counts.deleted) == (200, 200, 0, 0)
    assert done.warnings == []
    there = shop(
        "select customer::text, (ordered_at at time zone 'utc')::text, amount::float8, status::text"
        " from orders"
    )
    found = lake_rows(home, "customer, ordered_at::varchar, amount, status")
    assert found == sorted(there)


def test_a_night_with_updates_and_deletes_brings_what_is_new_and_tells_the_rest(
    shop, database, connects, home, takes
):
    connects(database)
    takes()
    before = content_of(home.lake)
    shop(
        "insert into orders values (201, 7, '2026-03-10', 5, 'paid', null, '2026-03-10')",
        "update orders set status = 'refunded', updated_at = '2026-03-10' where order_id = 199",
        "update orders set updated_at = '2026-03-10' where order_id = 198",
        "delete from orders where order_id = 200",
    )
    done = takes()
    counts = done.tables[0].counts
    assert (counts.new, counts.updated, counts.deleted) == (1, 1, 1)
    # a row of which only the cursor moved is not an update
    assert changed(home) == [
        ("199", "refunded", "199.25", "updated"),
        ("200", "paid", "200.25", "deleted"),
    ]
    assert [words for words in done.warnings if "1 rows are deleted there" in words]
    # what features of earlier days read is to the last byte as it was
    after = content_of(home.lake)
    assert before.items() <= after.items()
    assert len(lake_rows(home, "customer")) == 201
    assert (takes().tables[0].counts.new, len(after)) == (0, len(content_of(home.lake)))


def test_an_update_is_told_once_and_again_when_the_row_changes_again(
    shop, database, connects, takes
):
    connects(database)
    takes()

    def counted(*statements):
        if statements:
            shop(*statements)
        counts = takes().tables[0].counts
        return counts.new, counts.updated, counts.deleted

    touch = "updated_at = '2026-03-09 15:00:00+00'"
    assert counted(f"update orders set amount = 1, {touch} where order_id = 150") == (0, 1, 0)
    assert counted() == (0, 0, 0)
    assert counted(f"update orders set amount = 2, {touch} where order_id = 150") == (0, 1, 0)
    assert counted("delete from orders where order_id = 150") == (0, 0, 1)
    assert counted() == (0, 0, 0)
    back = "insert into orders values (150, 1, '2026-03-07', 2, 'paid', null, '2026-03-09 16:00')"
    assert counted(back) == (0, 1, 0)


def test_a_row_that_was_committed_late_comes_with_the_overlap(shop, database, connects, takes):
    connects(database)
    takes()
    # written by a transaction that began before the last cursor and ended after the pull
    shop("insert into orders values (300, 1, '2026-03-08', 1, 'paid', null, '2026-03-08 15:00:00')")
    assert takes().tables[0].counts.new == 1


def test_nothing_new_makes_no_file(shop, database, connects, home, takes):
    connects(database)
    takes()
    before = content_of(home.landing)
    done = takes()
    assert done.tables[0].file is None
    after = content_of(home.landing)
    assert {path for path in before | after if before.get(path) != after.get(path)} == {
        path for path in before if path.name == "pulled.json"
    }


def test_a_deletion_outside_the_window_is_found_by_all_keys_where_that_is_wished(
    shop, database, connects, takes
):
    connects(database)
    takes()
    shop("delete from orders where order_id = 3")
    assert takes().tables[0].counts.deleted == 0
    connects(database, orders=ORDERS | {"deletes": "full"})
    assert takes().tables[0].counts.deleted == 1
    assert takes().tables[0].counts.deleted == 0


def test_a_cursor_in_the_future_passes_no_row_over(shop, database, connects, takes):
    shop("update orders set updated_at = '2999-01-01' where order_id = 5")
    connects(database)
    takes()
    shop("insert into orders values (301, 1, '2026-03-09', 1, 'paid', null, '2026-03-09 12:00:00')")
    assert takes().tables[0].counts.new == 1


def test_a_table_without_a_cursor_is_read_whole_and_compared(shop, database, connects, takes):
    connects(database, orders={k: v for k, v in ORDERS.items() if k not in ("cursor", "overlap")})
    takes()
    shop(
        "update orders set amount = 9 where order_id = 2",
        "delete from orders where order_id = 1",
        "insert into orders values (302, 1, '2020-01-01', 1, 'paid', null, '2020-01-01')",
    )
    counts = takes().tables[0].counts
    assert (counts.read, counts.new, counts.updated, counts.deleted) == (200, 1, 1, 1)


def test_a_cursor_may_be_a_whole_number(shop, database, connects, takes):
    connects(database, orders=ORDERS | {"cursor": "order_id", "overlap": "10"})
    takes()
    shop(
        "insert into orders values (303, 1, '2026-03-09', 1, 'paid', null, '2020-01-01')",
        "delete from orders where order_id = 195",
    )
    counts = takes().tables[0].counts
    assert (counts.read, counts.new, counts.deleted) == (11, 1, 1)


def test_an_update_that_is_an_event_counts_on_the_day_it_happened(
    shop, database, connects, home, takes
):
    becomes = {"column": "status", "values": ["refunded"]}
    connects(database, orders=ORDERS | {"becomes": becomes})
    takes()
    before = content_of(home.lake)
    shop(
        "update orders set status = 'refunded', updated_at = '2026-03-11 09:00:00+00' "
        "where order_id = 199"
    )
    done = takes()
    assert (done.tables[0].counts.updated, done.tables[0].counts.events) == (1, 1)
    assert before.items() <= content_of(home.lake).items()
    rows = lake_rows(home, "ordered_at::varchar, amount, status")
    assert ("2026-03-11 09:00:00", 199.25, "refunded") in rows
    assert ("2026-03-09 15:00:00", 199.25, "paid") in rows
    assert len(rows) == 201
    # it became so once
    shop("update orders set amount = 1, updated_at = '2026-03-12 09:00:00+00' where order_id = 199")
    counts = takes().tables[0].counts
    assert (counts.updated, counts.events) == (1, 0)
    # a row that was never seen before it became so is told
    shop("insert into orders values (304, 1, '2026-03-11', 1, 'refunded', null, '2026-03-12')")
    assert any("before they were first seen" in words for words in takes().warnings)
