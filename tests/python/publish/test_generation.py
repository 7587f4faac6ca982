import json
import os
import shutil
import subprocess
import sys
import tempfile

import duckdb
import pytest

from pipeline.project import files, generations
from pipeline.project.errors import ChurnError
from pipeline.project.generations import current_file, is_offered, offer
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
    with duckdb.connect(str(current_file(home)), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def copied(home, sql="select count(*) from serving.bi_test"):
    """What everybody else reads."""
    # a file of its own for each read: DuckDB keeps what a process has open by its path
    with tempfile.TemporaryDirectory() as folder:
        path = shutil.copy(home.published / "current.duckdb", folder)
        with duckdb.connect(path, read_only=True) as connection:
            return connection.execute(sql).fetchall()


def test_readers_find_the_newest_generation_by_its_name(warehouse):
    publish.publish(warehouse, "first")
    assert read(warehouse) == [(10,)]
    fill(warehouse, 20)
    publish.publish(warehouse, "second")
    assert read(warehouse) == copied(warehouse) == [(20,)]
    assert publish.current(warehouse).fingerprint == "second"


def test_only_serving_tables_are_published_with_their_comments(warehouse):
    publish.publish(warehouse, "x")
    tables = read(warehouse, "select schema_name, table_name from duckdb_tables()")
    assert tables == [("serving", "bi_test")]
    comments = read(warehouse, "select comment from duckdb_columns() where column_name = 'value'")
    assert comments == [("It's a third.",)]


def test_a_reader_keeps_its_generation_while_a_new_one_is_published(warehouse):
    publish.publish(warehouse, "first")
    with duckdb.connect(str(current_file(warehouse)), read_only=True) as reader:
        fill(warehouse, 20)
        publish.publish(warehouse, "second")
        assert reader.execute("select count(*) from serving.bi_test").fetchall() == [(10,)]


def test_three_generations_are_kept(warehouse):
    names = [publish.publish(warehouse, f"{i}").name for i in range(5)]
    kept = sorted(path.stem for path in warehouse.published.glob("churn_*.duckdb"))
    assert kept == names[-3:]
    folders = [path.name for path in warehouse.published.iterdir() if path.is_dir()]
    assert sorted(folders) == [*names[-3:], "current"]


def test_the_file_opens_with_drivers_from_1_1_on(warehouse):
    publish.publish(warehouse, "x")
    tags = copied(
        warehouse, "select tags['storage_version'] from duckdb_databases() where not internal"
    )
    assert tags == [("v1.0.0+",)], "DuckDB names the oldest version that has this format"


def test_copies_keep_ids_as_they_are(warehouse):
    publish.publish(warehouse, "x")
    copy = warehouse.published / "current" / "bi_test.parquet"
    assert duckdb.sql(f"select min(customer_id) from '{copy}'").fetchall() == [("a/+0",)]


@pytest.mark.parametrize("moment", ["sync", "forget_old", "copy_table", "commit"])
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


@pytest.mark.parametrize("renames", range(8))
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
    assert {f"{name}{end}" for name in names for end in ("", ".duckdb", ".json", ".sha256")} | {
        "current",
        "current.duckdb",
        "current.json",
        "churn_list.csv",
    } == there
    assert {first, second} <= names
    # whole or not, before it was named it was never current and takes no place among the three
    assert len(names) == (2 if renames < 6 else 3)


def test_a_publish_killed_before_its_flip_does_not_push_out_a_generation(warehouse, monkeypatch):
    names = [publish.publish(warehouse, f"{i}").name for i in range(3)]
    with monkeypatch.context() as patched:

        def killed(*_, **__):
            raise KeyboardInterrupt

        patched.setattr(publish, "name_current", killed)
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
        path.chmod(0o644)
        path.write_text(json.dumps(document))
        # they had no content hashes either
        path.with_suffix(".sha256").unlink()
    names.append(publish.publish(warehouse, "new").name)
    assert {path.stem for path in warehouse.published.glob("churn_*.duckdb")} == set(names)


def test_all_of_a_generation_is_on_disk_before_readers_see_it(warehouse, monkeypatch):
    def write_bundle(_, __, copies):
        (copies / "realtime").mkdir()
        (copies / "realtime" / "rules.json").write_text("{}")

    synced = set()

    def fsync(path):
        if not (warehouse.published / "current.json").exists():
            synced.add(path.stat().st_ino)

    monkeypatch.setattr(publish, "write_bundle", write_bundle)
    for module in (publish, generations, files):
        monkeypatch.setattr(module, "sync", fsync)
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


def test_the_catalog_has_a_name_that_stays(warehouse):
    for number in range(2):
        publish.publish(warehouse, f"{number}")
        path = warehouse.published / "current.duckdb"
        assert not path.is_symlink() and path.stat().st_ino != current_file(warehouse).stat().st_ino
        found = subprocess.run(
            [
                sys.executable,
                "-c",
                f"import duckdb; c = duckdb.connect({str(path)!r}, read_only=True); "
                "print(c.sql('select current_database()').fetchall()[0][0], "
                "c.sql('select count(*) from current.serving.bi_test').fetchall()[0][0])",
            ],
            capture_output=True,
            text=True,
        )
        assert found.stdout.split() == ["current", "10"], found.stderr


def test_the_parquet_copies_have_a_path_that_stays(warehouse):
    publish.publish(warehouse, "first")
    path = warehouse.published / "current" / "bi_test.parquet"
    opened = path.open("rb")
    fill(warehouse, 20)
    publish.publish(warehouse, "second")
    assert duckdb.sql(f"select count(*) from '{path}'").fetchall() == [(20,)]
    assert opened.read(4) == b"PAR1", "who has the old one open reads on"
    opened.close()


def test_a_client_that_opens_it_to_write_is_in_nobodys_way(warehouse):
    """DuckDB opens a file to write unless it is told otherwise, and locks everybody out."""
    publish.publish(warehouse, "first")
    path = warehouse.published / "current.duckdb"
    # who may write in spite of its mode: root, or somebody who changed it
    path.chmod(0o644)
    client = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import duckdb; c = duckdb.connect({str(path)!r}); "
            "c.sql('delete from serving.bi_test'); print('open', flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert client.stdout.readline() == "open\n"
        assert read(warehouse) == [(10,)]
        fill(warehouse, 20)
        publish.publish(warehouse, "second")
        assert read(warehouse) == copied(warehouse) == [(20,)]
        assert not list(warehouse.published.glob("*.wal")), "it would be read with the new file"
    finally:
        client.communicate("\n")
    assert copied(warehouse) == [(20,)]


def test_what_is_published_is_read_only(warehouse):
    publish.publish(warehouse, "x")
    written = [path for path in warehouse.published.rglob("*") if path.is_file()]
    assert written
    modes = {path.name: path.stat().st_mode & 0o777 for path in written}
    assert {name for name, mode in modes.items() if mode != 0o444} == {"current.json"}


def test_a_home_of_an_earlier_version_goes_on(warehouse):
    """There, current.duckdb was a link to the generation's file, and nothing else named it."""
    first = publish.publish(warehouse, "first")
    for name in ("current.json", "current", "current.duckdb"):
        (warehouse.published / name).unlink()
    (warehouse.published / "current.duckdb").symlink_to(first.path.name)
    assert publish.current(warehouse) == first
    assert not is_offered(warehouse, first.name)
    fill(warehouse, 20)
    second = publish.publish(warehouse, "second")
    assert second.line == (first.name, second.name)
    assert read(warehouse) == copied(warehouse) == [(20,)]
    assert not (warehouse.published / "current.duckdb").is_symlink()


def test_everybody_else_gets_what_a_killed_publish_kept_from_them(warehouse, monkeypatch):
    publish.publish(warehouse, "first")
    fill(warehouse, 20)
    with monkeypatch.context() as patched:
        patched.setattr(publish, "offer", lambda *_: None)
        second = publish.publish(warehouse, "second")
    assert read(warehouse) == [(20,)] and copied(warehouse) == [(10,)]
    assert not is_offered(warehouse, second.name)
    offer(warehouse, second.name)
    assert is_offered(warehouse, second.name) and copied(warehouse) == [(20,)]


def test_a_generation_that_somebody_deleted_gives_way_to_the_one_before(warehouse):
    first, second = publish.publish(warehouse, "first"), publish.publish(warehouse, "second")
    second.path.unlink()
    assert publish.current(warehouse) == first
    assert generations.named(warehouse)[0] == second.name


def test_a_name_that_cannot_be_read_is_told(warehouse):
    publish.publish(warehouse, "x")
    (warehouse.published / "current.json").write_text("{")
    with pytest.raises(ChurnError, match=r"current\.json") as told:
        publish.current(warehouse)
    assert "churn publish" in told.value.hint


def test_the_file_says_which_generation_it_is(warehouse):
    def fill_publication():
        with duckdb.connect(str(warehouse.warehouse)) as connection:
            connection.execute(
                "create or replace table serving.bi_publication as select domain, "
                "null::varchar as generation, null::timestamp as published_at, "
                "null::varchar as rows_of_generation, null::timestamp as rows_published_at, "
                "date '2020-01-01' as as_of_date, 'run' as run_id "
                "from (values ('club'), ('shop')) as t (domain)"
            )
            connection.execute("drop table if exists serving.bi_test")

    fill_publication()
    first = publish.publish(warehouse, "first")
    second = publish.publish(warehouse, "second", kept=["shop"])
    found = copied(
        warehouse,
        "select domain, generation, rows_of_generation, "
        "rows_published_at = published_at from serving.bi_publication order by domain",
    )
    assert found == [
        ("club", second.name, second.name, True),
        ("shop", second.name, first.name, False),
    ]
