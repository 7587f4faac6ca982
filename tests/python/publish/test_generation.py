import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipeline.project.errors import ChurnError
from pipeline.publish import generation as publish
from pipeline.realtime.bundle import read_rules
from pipeline.realtime.errors import NotReadyError


@pytest.fixture
def warehouse(home):
    home.root.mkdir(parents=True)
    fill(home, 10)
    return home


def fill(home, rows):
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema if not exists serving")
        connection.execute(
            "create or replace table serving.bi_test as "
            f"select 'a/+' || i as customer_id, i / 3 as value from range({rows}) as t (i)"
        )
        connection.execute("comment on column serving.bi_test.value is 'It''s a third.'")
        connection.execute("create schema if not exists churn")
        connection.execute("create or replace table churn.private as select 1 as secret")


def read(home, sql="select count(*) from serving.bi_test"):
    path = os.path.realpath(home.published / "current.duckdb")
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_readers_find_the_newest_generation_behind_the_link(warehouse):
    publish.publish(warehouse, "first")
    assert read(warehouse) == [(10,)]
    fill(warehouse, 20)
    publish.publish(warehouse, "second")
    assert read(warehouse) == [(20,)]
    assert publish.current(warehouse).fingerprint == "second"


def test_only_serving_tables_are_published_with_their_comments(warehouse):
    publish.publish(warehouse, "x")
    tables = read(warehouse, "select schema_name, table_name from duckdb_tables()")
    assert tables == [("serving", "bi_test")]
    comments = read(warehouse, "select comment from duckdb_columns() where column_name = 'value'")
    assert comments == [("It's a third.",)]


def test_a_reader_keeps_its_generation_while_a_new_one_is_published(warehouse):
    publish.publish(warehouse, "first")
    path = os.path.realpath(warehouse.published / "current.duckdb")
    with duckdb.connect(path, read_only=True) as reader:
        fill(warehouse, 20)
        publish.publish(warehouse, "second")
        assert reader.execute("select count(*) from serving.bi_test").fetchall() == [(10,)]


def test_three_generations_are_kept(warehouse):
    names = [publish.publish(warehouse, f"{i}").name for i in range(5)]
    kept = sorted(path.stem for path in warehouse.published.glob("churn_*.duckdb"))
    assert kept == names[-3:]
    assert sorted(p.name for p in warehouse.published.iterdir() if p.is_dir()) == names[-3:]


def test_the_file_opens_with_drivers_from_1_4_on(warehouse):
    path = publish.publish(warehouse, "x").path
    with duckdb.connect(str(path), read_only=True) as connection:
        tags = connection.execute("select tags from duckdb_databases() where not internal")
        assert "v1.4" in str(tags.fetchall())


def test_copies_keep_ids_as_they_are(warehouse):
    generation = publish.publish(warehouse, "x")
    for suffix in ("csv", "parquet"):
        copy = generation.path.with_suffix("") / f"bi_test.{suffix}"
        assert duckdb.sql(f"select min(customer_id) from '{copy}'").fetchall() == [("a/+0",)]


@pytest.mark.parametrize("moment", ["sync", "_forget_old", "_copy", "_commit"])
def test_a_publish_that_is_killed_leaves_a_whole_generation(warehouse, moment):
    publish.publish(warehouse, "first")
    fill(warehouse, 20)
    script = (
        "import os\nfrom pipeline.publish import generation as publish\n"
        "from pipeline.project.home import home\n"
        f"publish.{moment} = lambda *a, **k: os._exit(9)\n"
        "publish.publish(home(), 'second')\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"CHURN_HOME": str(warehouse.root)}
    )
    assert killed.returncode == 9
    assert read(warehouse) in ([(10,)], [(20,)])
    assert publish.current(warehouse).tables["bi_test"] == read(warehouse)[0][0]
    publish.publish(warehouse, "third")
    assert read(warehouse) == [(20,)]


def test_a_generation_that_is_gone_is_not_taken_for_one_of_an_older_version(warehouse):
    first, *_ = [publish.publish(warehouse, f"{i}").path for i in range(4)]
    with pytest.raises(NotReadyError, match="no longer available"):
        read_rules(first, "kkbox")


@pytest.mark.parametrize("renames", range(4))
def test_what_a_killed_publish_left_goes_with_the_next_one(warehouse, renames):
    first = publish.publish(warehouse, "first").name
    script = (
        "import os\nfrom pathlib import Path\n"
        "from pipeline.publish import generation as publish\n"
        "from pipeline.project.home import home\n"
        "replace, done = Path.replace, []\n"
        "def killed(part, target):\n"
        f"    if len(done) == {renames}: os._exit(9)\n"
        "    done.append(replace(part, target))\n"
        "Path.replace = killed\n"
        "publish.publish(home(), 'second')\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"CHURN_HOME": str(warehouse.root)}
    )
    assert killed.returncode == 9
    (warehouse.published / "churn_list.csv").write_text("somebody's own")
    second = publish.publish(warehouse, "third").name
    there = {path.name for path in warehouse.published.iterdir()}
    names = {name.partition(".")[0] for name in there if name.startswith("churn_2")}
    assert {f"{name}{end}" for name in names for end in ("", ".duckdb", ".json")} | {
        "current.duckdb",
        "churn_list.csv",
    } == there
    assert {first, second} <= names
    # whole or not, it was never current, so it takes no place among the three
    assert len(names) == 2


def test_a_publish_killed_before_its_flip_does_not_push_out_a_generation(warehouse, monkeypatch):
    names = [publish.publish(warehouse, f"{i}").name for i in range(3)]
    with monkeypatch.context() as patched:

        def killed(link, _):
            raise KeyboardInterrupt

        replace = Path.replace
        patched.setattr(
            Path,
            "replace",
            lambda part, target: (killed if part.is_symlink() else replace)(part, target),
        )
        with pytest.raises(KeyboardInterrupt):
            publish.publish(warehouse, "killed")
    whole = {path.stem for path in warehouse.published.glob("churn_*.duckdb")}
    assert len(whole) == 4
    names.append(publish.publish(warehouse, "last").name)
    kept = {path.stem for path in warehouse.published.glob("churn_*.duckdb")}
    assert kept == set(names[-3:])


def test_generations_of_publishes_that_named_no_line_stay(warehouse):
    names = [publish.publish(warehouse, f"{i}").name for i in range(2)]
    for path in warehouse.published.glob("churn_*.json"):
        document = json.loads(path.read_text())
        del document["line"]
        path.write_text(json.dumps(document))
    names.append(publish.publish(warehouse, "new").name)
    assert {path.stem for path in warehouse.published.glob("churn_*.duckdb")} == set(names)


def test_all_of_a_generation_is_on_disk_before_readers_see_it(warehouse, monkeypatch):
    def write_bundle(_, __, copies):
        (copies / "realtime").mkdir()
        (copies / "realtime" / "rules.json").write_text("{}")

    synced = set()

    def fsync(path):
        if not (warehouse.published / "current.duckdb").exists():
            synced.add(path.stat().st_ino)

    monkeypatch.setattr(publish, "write_bundle", write_bundle)
    monkeypatch.setattr(publish, "sync", fsync)
    generation = publish.publish(warehouse, "x")
    written = [warehouse.published, *warehouse.published.rglob("*")]
    missed = [p.name for p in written if not p.is_symlink() and p.stat().st_ino not in synced]
    assert missed == []
    assert (generation.path.with_suffix("") / "realtime" / "rules.json") in written


def test_an_empty_warehouse_is_not_published(home):
    home.root.mkdir(parents=True)
    duckdb.connect(str(home.warehouse)).close()
    with pytest.raises(ChurnError, match="Nothing to publish"):
        publish.publish(home, "x")
    assert publish.current(home) is None
