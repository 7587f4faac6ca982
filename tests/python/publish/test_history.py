"""What was published of each customer stays, whatever becomes of warehouse and generations."""

import shutil

import duckdb
import pytest
import yaml

from pipeline.project.home import PROJECT
from pipeline.publish.generation import current, publish
from pipeline.publish.history import KEPT, keep_history


@pytest.fixture
def warehouse(home):
    home.root.mkdir(parents=True)
    return home


def fill(home, as_of, risk, *, columns=KEPT, publication=True):
    """A warehouse whose one shop scored two customers at a cut-off."""
    given = {
        "domain": "'shop'",
        "customer_id": "'c' || i",
        "as_of_date": f"date '{as_of}'",
        "churn_probability": f"{risk}",
        "risk_band": "'high'",
        "value_at_risk": "100.0 * i",
        "arm": "'treat'",
    }
    values = ", ".join(
        f"cast({given.get(name, 'null')} as {kind}) as {name}" for name, kind in columns.items()
    )
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema if not exists serving")
        connection.execute(
            "create or replace table serving.bi_customer_360 as "
            f"select {values} from range(1, 3) as t (i)"
        )
        connection.execute("drop table if exists serving.bi_publication")
        if publication:
            connection.execute(
                "create table serving.bi_publication as select 'shop' as domain, "
                "null::varchar as generation, null::timestamp as published_at, "
                "null::varchar as rows_of_generation, null::timestamp as rows_published_at, "
                f"date '{as_of}' as as_of_date"
            )


def history(home, columns="as_of_date::varchar, customer_id, churn_probability, value_at_risk"):
    files = home.history / "*" / "*.parquet"
    return duckdb.sql(f"select {columns} from '{files}' order by all").fetchall()


def test_a_publish_keeps_its_cut_off_once(warehouse):
    fill(warehouse, "2020-01-01", 0.5)
    publish(warehouse, "first")
    fill(warehouse, "2020-01-02", 0.6)
    publish(warehouse, "second")
    assert history(warehouse) == [
        ("2020-01-01", "c1", 0.5, 100.0),
        ("2020-01-01", "c2", 0.5, 200.0),
        ("2020-01-02", "c1", 0.6, 100.0),
        ("2020-01-02", "c2", 0.6, 200.0),
    ]


def test_a_cut_off_that_is_published_again_has_the_rows_of_the_last_publish(warehouse):
    for risk in (0.5, 0.7):
        fill(warehouse, "2020-01-01", risk)
        last = publish(warehouse, f"{risk:.0%}"[:2]).name
    assert history(warehouse, "churn_probability, generation") == [(0.7, last)] * 2


def test_nothing_is_lost_with_warehouse_and_generations(warehouse):
    fill(warehouse, "2020-01-01", 0.5)
    publish(warehouse, "first")
    before = history(warehouse)
    warehouse.warehouse.unlink()
    shutil.rmtree(warehouse.published)
    fill(warehouse, "2020-01-02", 0.6)
    publish(warehouse, "second")
    assert history(warehouse)[:2] == before and len(history(warehouse)) == 4


def test_a_kept_domain_keeps_what_it_published_and_when(warehouse):
    fill(warehouse, "2020-01-01", 0.5)
    first = publish(warehouse, "first")
    fill(warehouse, "2020-01-02", 0.6)
    publish(warehouse, "second", kept=["shop"])
    assert history(warehouse, "distinct as_of_date::varchar, generation") == [
        ("2020-01-01", first.name)
    ]


def test_generations_of_an_earlier_version_are_kept_with_what_they_have(warehouse):
    """They had neither a history nor, the oldest, an arm."""
    older = {name: kind for name, kind in KEPT.items() if name != "arm"}
    line = []
    for day in (1, 2):
        fill(warehouse, f"2020-01-0{day}", day / 10, columns=older, publication=False)
        line.append(publish(warehouse, f"{day}").name)
    shutil.rmtree(warehouse.history)
    assert len(keep_history(warehouse, tuple(line))) == 2
    assert history(warehouse, "as_of_date::varchar, churn_probability, arm, generation") == [
        ("2020-01-01", 0.1, None, line[0]),
        ("2020-01-01", 0.1, None, line[0]),
        ("2020-01-02", 0.2, None, line[1]),
        ("2020-01-02", 0.2, None, line[1]),
    ]
    assert keep_history(warehouse, tuple(line)) == [], "once is enough"


def test_an_older_generation_never_replaces_what_a_later_one_kept(warehouse):
    names = []
    for risk in (0.5, 0.7):
        fill(warehouse, "2020-01-01", risk)
        names.append(publish(warehouse, f"{risk:.0%}"[:2]).name)
    keep_history(warehouse, current(warehouse).line)
    assert history(warehouse, "distinct generation") == [(names[1],)]


def test_the_source_has_the_columns_that_a_publish_writes():
    document = yaml.safe_load((PROJECT / "models/churn/_churn__sources.yml").read_text())
    (source,) = [one for one in document["sources"] if one["name"] == "history"]
    columns = {one["name"]: one["data_type"] for one in source["tables"][0]["columns"]}
    assert columns == KEPT | {"generation": "varchar", "published_at": "timestamp"}
