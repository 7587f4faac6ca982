"""A generation is put together by domain: what is not published anew stays as it was."""

import duckdb
import pytest

from pipeline.project.errors import ChurnError
from pipeline.publish.generation import publish


@pytest.fixture
def warehouse(home):
    home.root.mkdir(parents=True)
    fill(home, 1)
    return home


def fill(home, night, *, columns="night, 'x' as note", own=True):
    """A warehouse of two domains whose rows name the night they are of."""
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema if not exists serving")
        connection.execute(
            "create or replace table serving.bi_test as "
            f"select domain, i as customer_id, {columns} "
            f"from (values ('kkbox', {night}), ('ecommerce', {night})) as t (domain, night), "
            "range(3) as r (i)"
        )
        connection.execute("create or replace table serving.bi_codes as select 'a' as code")
        connection.execute("drop table if exists serving.bi_kkbox_customers")
        if own:
            connection.execute(
                "create table serving.bi_kkbox_customers as "
                f"select 'kkbox' as domain, {night} as night"
            )
            connection.execute("comment on table serving.bi_kkbox_customers is 'Its own.'")


def read(generation, sql):
    with duckdb.connect(str(generation.path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def nights(generation, table="bi_test"):
    rows = read(generation, f"select distinct domain, night from serving.{table} order by all")
    return dict(rows)


def test_a_kept_domain_has_the_rows_of_the_generation_before(warehouse):
    publish(warehouse, "first")
    fill(warehouse, 2)
    second = publish(warehouse, "second", kept=["kkbox"])
    assert nights(second) == {"ecommerce": 2, "kkbox": 1}
    assert nights(second, "bi_kkbox_customers") == {"kkbox": 1}
    assert second.tables == {"bi_codes": 1, "bi_kkbox_customers": 1, "bi_test": 6}
    assert second.kept == ("kkbox",)
    copy = second.path.with_suffix("") / "bi_test.parquet"
    assert duckdb.sql(f"select distinct night from '{copy}' order by all").fetchall() == [
        (1,),
        (2,),
    ]
    fill(warehouse, 3)
    # kept again, and again, it is still of the first night
    third = publish(warehouse, "third", kept=["kkbox"])
    assert nights(third) == {"ecommerce": 3, "kkbox": 1}


def test_a_table_that_was_not_built_for_a_kept_domain_stays_with_its_comment(warehouse):
    publish(warehouse, "first")
    fill(warehouse, 2, own=False)
    second = publish(warehouse, "second", kept=["kkbox"])
    assert nights(second, "bi_kkbox_customers") == {"kkbox": 1}
    comments = read(second, "select comment from duckdb_tables() where comment is not null")
    assert comments == [("Its own.",)]


def test_a_kept_domain_that_was_never_published_has_no_rows(warehouse):
    first = publish(warehouse, "first", kept=["kkbox"])
    assert nights(first) == {"ecommerce": 1}
    assert first.tables["bi_kkbox_customers"] == 0
    fill(warehouse, 2)
    second = publish(warehouse, "second", kept=["kkbox"])
    assert nights(second) == {"ecommerce": 2}


def test_a_column_that_is_new_is_null_in_kept_rows_and_it_is_said(warehouse):
    publish(warehouse, "first")
    fill(warehouse, 2, columns="'y' as added, night")
    second = publish(warehouse, "second", kept=["kkbox"])
    rows = read(second, "select distinct domain, added, night from serving.bi_test order by all")
    assert rows == [("ecommerce", "y", 2), ("kkbox", None, 1)]
    assert second.notes == ("bi_test of kkbox has no added until they are published again",)


def test_a_column_that_changed_its_type_is_refused_in_words_and_nothing_is_published(warehouse):
    publish(warehouse, "first")
    fill(warehouse, 2, columns="night, 7 as note")
    with pytest.raises(ChurnError, match="rows of kkbox in bi_test do not fit") as refused:
        publish(warehouse, "second", kept=["kkbox"])
    assert refused.value.exit_code == 3
    assert len(list(warehouse.published.glob("churn_*.duckdb"))) == 1


def test_a_table_without_a_domain_has_to_be_named(warehouse):
    publish(warehouse, "first")
    with duckdb.connect(str(warehouse.warehouse)) as connection:
        connection.execute("create table serving.bi_new as select 1 as figure")
    with pytest.raises(ChurnError, match="bi_new has no column domain"):
        publish(warehouse, "second", kept=["kkbox"])


def test_every_published_table_has_a_domain_or_is_known_to_be_shared():
    from pipeline.project.serving_tables import published_tables
    from pipeline.publish.kept import SHARED

    without = {
        table.name
        for table in published_tables()
        if "domain" not in {column.name for column in table.columns}
    }
    assert without == set(SHARED)
