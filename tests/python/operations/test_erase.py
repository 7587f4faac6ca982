"""A customer who asks is forgotten: in every store, by the next file, backup and request."""

import json
import random
import re
import shutil
import sqlite3
from pathlib import Path

import duckdb
import pytest
from full_day import OTHER, SHOP, after_a_full_day, some_customers

from pipeline.ingest import ingest
from pipeline.labels.freeze import CHECKSUM
from pipeline.labels.registry import check_files, entries
from pipeline.operations.backup import FORGOTTEN_BESIDE, back_up
from pipeline.operations.certificate import certificate_damages, why_not_valid, write_certificate
from pipeline.operations.data_map import mapped_files
from pipeline.operations.erase import all_ids, erase
from pipeline.operations.restore import restore
from pipeline.operations.tombstones import read_customers, write_tombstones
from pipeline.operations.verify import verify
from pipeline.project.errors import ChurnError
from pipeline.project.forgotten import (
    forget,
    forgotten_among,
    forgotten_file,
    merge_forgotten,
    read_forgotten,
)
from pipeline.project.home import Home
from pipeline.publish.generation import current
from pipeline.realtime.engine import Engines
from pipeline.realtime.errors import BadRowsError
from pipeline.realtime.rows import Customer
from pipeline.retention.decisions import note_contacts, suppress

FEW = 50


def quiet(_):
    pass


def hits(root, ids):
    """A search of its own: every Parquet file decoded, every other file by its bytes."""
    pattern = re.compile(
        b"(?<![0-9A-Za-z])(" + b"|".join(re.escape(one.encode()) for one in ids) + b")"
    )
    found = []
    for path in root.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if content[:4] == b"PAR1":
            content = "\n".join(
                str(value) for row in duckdb.sql(f"from '{path}'").fetchall() for value in row
            ).encode()
        elif path.suffix == ".sqlite":
            with sqlite3.connect(path) as connection:
                content += "\n".join(connection.iterdump()).encode()
        elif path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                for schema, table in connection.execute(
                    "select schema_name, table_name from duckdb_tables()"
                ).fetchall():
                    rows = connection.execute(f'from "{schema}"."{table}"').fetchall()
                    content += "\n".join(str(value) for row in rows for value in row).encode()
        if pattern.search(content):
            found.append(path)
    return found


def published(home):
    """Table → its rows, of the tables that name customers."""
    path = current(home).path
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select distinct table_name from duckdb_columns() where schema_name = 'serving' "
            "and column_name = 'customer_id' order by 1"
        ).fetchall()
        return {
            table: connection.execute(f"from serving.{table} order by all").fetchall()
            for (table,) in tables
        }


def labels(home):
    with duckdb.connect() as connection:
        return {
            path.relative_to(home.labels): connection.execute(f"from '{path}'").fetchall()
            for path in sorted(home.labels.glob("*/*/*.parquet"))
        }


@pytest.mark.slow
def test_every_file_of_a_full_day_has_an_eraser_and_afterwards_no_id_is_anywhere(
    demo_copy, run_churn, start_api, tmp_path
):
    home = demo_copy
    ids = after_a_full_day(home, run_churn, start_api, tmp_path)
    gone = [*random.Random(7).sample(ids[SHOP][3:], FEW - 5), *ids[SHOP][:3]]
    known = [path for path, _ in mapped_files(home)]
    for folder in (home.lake, home.labels, home.published, home.drafts, home.batch, home.datasets):
        assert hits(folder, gone), folder
    before, labelled = published(home), labels(home)
    write_tombstones(tmp_path / "tell.csv", home, SHOP, gone)
    done = erase(home, SHOP, gone, quiet)
    certificate = write_certificate(home, done)
    assert done.hits == []
    assert hits(home.root, gone) == []
    assert len(known) > 1000
    # everybody else's rows are what they were
    shrunk = 0
    for table, rows in published(home).items():
        kept = [row for row in before[table] if not {*gone} & {*row[:4]}]
        assert rows == kept, table
        shrunk += len(rows) < len(before[table])
    assert shrunk >= 10, "hardly a table named them"
    for name, rows in labels(home).items():
        assert rows == [row for row in labelled[name] if not {*gone} & {*row}], name
    # labels, hashes and signature fit
    for domain in (SHOP, OTHER):
        check_files(home, domain)
        for entry in entries(home, domain):
            path = home.labels / domain / entry.label_definition
            path /= f"{entry.as_of_date}.v{entry.label_version}.parquet"
            (checksum,) = duckdb.sql(f"select {CHECKSUM} from '{path}'").fetchone()
            assert str(checksum) == entry.checksum
    assert [damage for one in verify(home) for damage in one.damages] == []
    document = json.loads(certificate.read_text())
    assert document["searched"]["files_with_an_id"] == 0
    assert document["models_that_learned_from_them"]
    assert not any(one in certificate.read_text() for one in gone)
    told = (tmp_path / "tell.csv").read_text()
    assert all(f'"{SHOP}:{one}","{SHOP}","{one}","true"' in told for one in gone)
    # the second time there is nothing to take out
    again = erase(home, SHOP, gone, quiet)
    assert sum(again.rows.values()) == 0


def test_a_file_that_nobody_knows_stops_it_before_anything_is_changed(demo_copy):
    (demo_copy.root / "mine.bin").write_bytes(b"?")
    (one,) = some_customers(demo_copy, SHOP, 1)
    with pytest.raises(ChurnError, match="nobody knows how a customer is taken out") as told:
        erase(demo_copy, SHOP, [one], quiet)
    assert str(demo_copy.root / "mine.bin") in told.value.where
    assert not forgotten_file(demo_copy).exists()


def test_a_damaged_file_stops_it_so_that_new_hashes_do_not_cover_it_up(demo_copy):
    path = next(demo_copy.labels.glob("*/*/*.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ChurnError, match="nothing was erased") as told:
        erase(demo_copy, SHOP, ["1"], quiet)
    assert str(path) in told.value.where


@pytest.mark.long
def test_a_backup_from_before_does_not_bring_the_customer_back(demo_copy, tmp_path):
    home = demo_copy
    gone = some_customers(home, SHOP, 2)
    back_up(home, tmp_path / "backups" / "monday", quiet)
    erase(home, SHOP, gone, quiet)
    # the list lies beside the backup, so that another machine knows it, too
    beside = tmp_path / "backups" / FORGOTTEN_BESIDE
    assert beside.is_file()
    assert not any(one in beside.read_text() for one in gone)
    for target in (home, Home(tmp_path / "elsewhere")):
        restore(target, tmp_path / "backups" / "monday", quiet, is_agreed=True)
        assert hits(target.root, gone) == []
        assert forgotten_among(target, SHOP, gone) == {*gone}
    assert hits(tmp_path / "backups" / "monday", gone)


def test_the_next_file_does_not_bring_the_customer_back(home, raw_dir, console):
    header = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id"
    row = "2020-04-01 00:00:0{n} UTC,purchase,1,2,a.b,c,10.00,{who},s{n}"
    buyers = ["770077", "880088", "770077", "990099"]
    rows = [row.format(n=n, who=who) for n, who in enumerate(buyers)]
    # a bad price of the forgotten goes to quarantine, with all of its row
    rows.append("2020-04-01 00:00:07 UTC,purchase,1,2,a.b,c,cheap,770077,s7")
    (raw_dir / "2020-Apr.csv").write_text("\n".join([f"{header},user_session", *rows]) + "\n")
    forget(home, SHOP, ["770077"])
    ingest(SHOP, raw_dir, home, console=console, accept="one bad row of five")
    files = list(home.lake.rglob("*.parquet"))
    found = [
        row[0] for path in files for row in duckdb.sql(f"select user_id from '{path}'").fetchall()
    ]
    assert sorted(found) == ["880088", "990099"]
    assert hits(home.root, ["770077"]) == []
    (record,) = home.lake.glob("*/*/*/_file.json")
    document = json.loads(record.read_text())
    assert (document["rows"], document["forgotten"]) == (2, 2)
    assert forgotten_among(home, OTHER, ["770077"]) == set()


def test_neither_a_list_nor_a_request_brings_the_customer_back(demo_copy):
    (gone,) = some_customers(demo_copy, SHOP, 1)
    forget(demo_copy, SHOP, [gone])
    from datetime import date

    before = suppressions(demo_copy)
    suppress(demo_copy, SHOP, [(gone, "asked")])
    note_contacts(demo_copy, SHOP, [(gone, date(2020, 4, 1), "")])
    assert suppressions(demo_copy) == before
    generation = current(demo_copy)
    ((run_id,),) = (
        duckdb.connect(str(generation.path), read_only=True)
        .execute("select run_id from serving.bi_domains where domain = ?", [SHOP])
        .fetchall()
    )
    engine = Engines(demo_copy).engine(generation.path, SHOP, run_id)
    event = {
        "event_time": "2020-04-01 00:00:00 UTC",
        "event_type": "purchase",
        "product_id": 1,
        "category_id": 2,
        "price": 10.0,
        "user_id": gone,
    }
    with pytest.raises(BadRowsError, match="asked to be forgotten"):
        engine.predict([Customer(gone, {"events": [event]})])


def suppressions(home):
    with sqlite3.connect(home.state) as connection:
        return sum(
            connection.execute(f"select count(*) from {table}").fetchone()[0]
            for table in ("suppressions", "contacts", "audit")
        )


def test_every_id_that_a_file_maps_to_a_customer_goes_with_it(home):
    folder = home.lake / SHOP / "identities" / "identities-0"
    folder.mkdir(parents=True)
    duckdb.sql(
        "copy (select * from (values ('guest', '7', date '2020-01-01'), ('old', 'guest', "
        "date '2020-01-01'), ('8', '9', date '2020-01-01')) as t (id, customer_id, known_from)) "
        f"to '{folder / 'data.parquet'}' (format parquet)"
    )
    assert all_ids(home, SHOP, ["7"]) == {"7", "guest", "old"}
    assert all_ids(home, SHOP, ["5"]) == {"5"}


def test_lists_of_two_homes_are_merged_and_a_damaged_one_lets_nobody_in(home, tmp_path):
    other = Home(tmp_path / "other")
    forget(home, SHOP, ["1"])
    forget(other, SHOP, ["2"])
    merge_forgotten(home, read_forgotten(other))
    merge_forgotten(home, read_forgotten(other))
    assert forgotten_among(home, SHOP, ["1", "2", "3"]) == {"1", "2"}
    assert len(read_forgotten(home).lists) == 2
    assert '"1"' not in forgotten_file(home).read_text()
    assert forgotten_file(home).stat().st_mode & 0o077 == 0
    forgotten_file(home).write_text("{")
    with pytest.raises(ChurnError):
        forgotten_among(home, SHOP, ["1"])


def test_a_certificate_that_was_changed_or_signed_by_another_is_told(home, tmp_path):
    from pipeline.operations.erase import Erasure

    home.root.mkdir()
    path = write_certificate(home, Erasure(SHOP, ["1"], ["ab"]))
    assert certificate_damages(home) == (1, [])
    text = path.read_text()
    path.write_text(text.replace('"files": 0', '"files": 1'))
    assert why_not_valid(path) == "its signature does not fit what it says"
    other = Home(tmp_path / "other")
    other.root.mkdir()
    shutil.copy(write_certificate(other, Erasure(SHOP, ["1"], ["ab"])), path)
    assert why_not_valid(path) is None
    (damage,) = certificate_damages(home)[1]
    assert "another key" in damage.what
    assert (home.root / "signing.key").stat().st_mode & 0o077 == 0


def test_whom_to_erase_and_where_to_tell(home, tmp_path):
    listed = tmp_path / "list.txt"
    listed.write_text("1\n\n 2 \n1\n")
    assert read_customers(None, listed) == ["1", "2"]
    assert read_customers("3", None) == ["3"]
    for given in ((None, None), ("1", listed), (None, Path("none"))):
        with pytest.raises(ChurnError):
            read_customers(*given)
    with pytest.raises(ChurnError, match="inside of CHURN_HOME"):
        write_tombstones(home.root / "tell.csv", home, SHOP, ["1"])


@pytest.mark.slow
def test_the_command_asks_and_does_what_it_says(demo_copy, run_churn, tmp_path):
    (gone,) = some_customers(demo_copy, OTHER, 1)
    done = run_churn(demo_copy.root, "erase", "--domain", OTHER, "--", gone)
    assert done.returncode == 1
    assert not forgotten_file(demo_copy).exists()
    (tmp_path / "list.txt").write_text(f"{gone}\n")
    done = run_churn(
        demo_copy.root, "erase", "--domain", OTHER, "--list", tmp_path / "list.txt", "--yes"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 with an id" in done.stdout
    assert hits(demo_copy.root, [gone]) == []
