"""An engine is given the files of the tables that its models read, and no others."""

import json

import duckdb
import pytest

from pipeline.engines.exchange import as_environment, files_of, give_files, seen_by_engine
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home

MANIFEST = {
    "sources": {
        "source.p.shop.events": {
            "schema": "lake",
            "identifier": "shop_events",
            "name": "events",
            "config": {"meta": {"parquet": "lake/shop/{table}/**/*.parquet"}},
        },
        "source.p.shop.none": {
            "schema": "lake",
            "identifier": "shop_none",
            "name": "none",
            "config": {"meta": {"parquet": "lake/shop/{table}/**/*.parquet"}},
        },
        "source.p.shop.other": {
            "schema": "lake",
            "identifier": "shop_other",
            "name": "other",
            "config": {"meta": {"parquet": "lake/shop/events/**/*.parquet"}},
        },
    },
    "nodes": {
        "seed.p.outages": {"resource_type": "seed", "schema": "seeds", "name": "outages"},
        "model.p.days": {"resource_type": "model", "schema": "control", "name": "days"},
    },
}
WANTED = ["source.p.shop.events", "source.p.shop.none", "seed.p.outages", "model.p.days"]


@pytest.fixture
def where(tmp_path):
    home = Home(tmp_path / "ho[m]e")
    for name, select in {
        "first/month=2020-01/data": "select 1 as id, 'a' as kind",
        "second/month=2020-02/data": "select 2 as id, 'b' as kind",
        "third/month=2020-03/data": "select 3 as id, 'c' as kind, 1.5::double as price",
    }.items():
        path = home.lake / f"shop/events/{name}.parquet"
        path.parent.mkdir(parents=True)
        duckdb.sql(f"copy ({select}) to '{path}' (format parquet)")
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema seeds")
        connection.execute("create table seeds.outages as select 'it''s' as reason")
    return home


def rows(folder):
    files = [str(path) for path in files_of(folder.parent, folder.name)]
    return duckdb.sql(f"select * from read_parquet({files}, hive_partitioning = false)").fetchall()


def test_files_of_the_same_columns_are_one_folder(where, tmp_path):
    given = give_files(where, MANIFEST, WANTED, tmp_path / "given")
    assert set(given) == {"lake.shop_events", "lake.shop_none", "seeds.outages"}
    first, second = given["lake.shop_events"]
    assert (first["columns"], second["columns"]) == (("id", "kind"), ("id", "kind", "price"))
    assert sorted(rows(tmp_path / "given/lake.shop_events/0")) == [(1, "a"), (2, "b")]
    assert rows(tmp_path / "given/lake.shop_events/1") == [(3, "c", 1.5)]
    assert given["lake.shop_none"] == []
    assert rows(tmp_path / "given/seeds.outages") == [("it's",)]
    assert json.loads(as_environment(given)["CHURN_ENGINE_FILES"])["lake.shop_none"] == []


def test_what_is_given_takes_no_room(where, tmp_path):
    give_files(where, MANIFEST, WANTED, tmp_path / "given")
    (link, *_) = files_of(tmp_path / "given/lake.shop_events", "0")
    assert link.stat().st_nlink == 2


def test_a_file_that_cannot_be_read_is_named(where, tmp_path):
    path = next(where.lake.rglob("*.parquet"))
    path.write_bytes(b"PAR1")
    with pytest.raises(ChurnError, match="cannot be read") as told:
        give_files(where, MANIFEST, WANTED, tmp_path / "given")
    assert str(path) in told.value.where


def test_an_engine_may_see_the_files_under_another_name(where, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(where.root))
    assert seen_by_engine(where.root / "scratch/one") == str(where.root / "scratch/one")
    monkeypatch.setenv("CHURN_ENGINE_SEES", "s3://bucket/churn/")
    given = give_files(where, MANIFEST, WANTED, where.work / "given")
    assert given["lake.shop_events"][0]["path"].startswith("s3://bucket/churn/scratch/given/lake.")
    assert given["seeds.outages"][0]["path"] == "s3://bucket/churn/scratch/given/seeds.outages"
