"""The lake over time: idempotent by content, replaced whole, never seen half written."""

import json
import os

import duckdb
import pytest

from pipeline.ingest import ingest
from pipeline.ingest.convert import convert
from pipeline.ingest.digest import digest
from pipeline.ingest.lake import Place, records

HEADER = (
    "msno,payment_method_id,payment_plan_days,plan_list_price,actual_amount_paid,is_auto_renew,"
    "transaction_date,membership_expire_date,is_cancel"
)
ROW = "a,41,30,149,149,1,20170301,20170401,0"
BAD = ROW.replace("20170301", "0")


def write(raw_dir, *rows, name="transactions.csv"):
    (raw_dir / name).write_text("\n".join([HEADER, *rows]) + "\n")


def states(home):
    """Every file of lake and quarantine with its inode and time: equal only if untouched."""
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns)
        for top in (home.lake, home.quarantine)
        for path in top.rglob("*")
        if path.is_file()
    }


def count(home):
    return duckdb.sql(
        f"select count(*) from '{home.lake}/kkbox/transactions/**/*.parquet'"
    ).fetchone()[0]


def statuses(raw_dir, home, console):
    return [file.status for file in ingest("kkbox", raw_dir, home, console=console).files]


def test_the_same_content_is_left_alone(raw_dir, home, console):
    write(raw_dir, ROW, BAD)
    assert statuses(raw_dir, home, console) == ["ingested"]
    before = states(home)
    summary = ingest("kkbox", raw_dir, home, console=console)
    assert [file.status for file in summary.files] == ["unchanged"]
    assert (summary.files[0].rows, summary.files[0].quarantined) == (1, 1)
    assert summary.files[0].reasons
    assert not summary.is_changed
    assert states(home) == before


def test_a_moved_raw_directory_is_the_same_content(raw_dir, home, console, tmp_path):
    write(raw_dir, ROW)
    statuses(raw_dir, home, console)
    before = states(home)
    moved = raw_dir.rename(tmp_path / "elsewhere")
    os.utime(moved / "transactions.csv", (0, 0))
    assert statuses(moved, home, console) == ["unchanged"]
    assert states(home) == before


def test_an_untouched_file_is_not_hashed_again(raw_dir, home, console, monkeypatch):
    write(raw_dir, ROW)
    statuses(raw_dir, home, console)
    monkeypatch.setattr("pipeline.ingest.known.digest", lambda path: pytest.fail(f"hashed {path}"))
    assert statuses(raw_dir, home, console) == ["unchanged"]


def test_a_change_of_the_same_size_and_time_is_noticed(raw_dir, home, console):
    write(raw_dir, ROW)
    statuses(raw_dir, home, console)
    file = raw_dir / "transactions.csv"
    times = (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    write(raw_dir, "b" + ROW[1:])
    os.utime(file, ns=times)
    assert statuses(raw_dir, home, console) == ["replaced"]


def test_new_content_replaces_rows_and_quarantine(raw_dir, home, console):
    write(raw_dir, ROW, BAD)
    statuses(raw_dir, home, console)
    write(raw_dir, ROW, ROW, ROW)
    assert statuses(raw_dir, home, console) == ["replaced"]
    assert count(home) == 3
    assert len(list(home.lake.glob("kkbox/transactions/*/"))) == 1
    assert list(home.quarantine.glob("kkbox/transactions/*/")) == []


def test_a_file_that_left_the_raw_directory_stays_in_the_lake(raw_dir, home, console):
    write(raw_dir, ROW)
    statuses(raw_dir, home, console)
    (raw_dir / "transactions.csv").unlink()
    write(raw_dir, ROW, ROW, name="transactions_v2.csv")
    assert statuses(raw_dir, home, console) == ["ingested"]
    assert count(home) == 3


def test_a_changed_column_list_ingests_the_same_bytes_again(raw_dir, home, console, monkeypatch):
    write(raw_dir, ROW, BAD)
    statuses(raw_dir, home, console)
    monkeypatch.setattr("pipeline.project.sources.SourceTable.fingerprint", lambda self: "changed")
    assert statuses(raw_dir, home, console) == ["replaced"]
    assert statuses(raw_dir, home, console) == ["unchanged"]
    assert count(home) == 1
    assert len(list(home.quarantine.glob("kkbox/transactions/*/*.parquet"))) == 1


def test_a_lake_whose_records_know_less_is_read(raw_dir, home, console):
    write(raw_dir, ROW)
    statuses(raw_dir, home, console)
    (file,) = home.lake.glob("kkbox/transactions/*/_file.json")
    record = json.loads(file.read_text())
    for key in ("duplicates", "unpacked_hash", "event_span"):
        del record[key]
    file.write_text(json.dumps(record))
    assert statuses(raw_dir, home, console) == ["unchanged"]


def test_a_refused_replacement_leaves_the_old_rows(raw_dir, home, console):
    write(raw_dir, ROW, BAD)
    statuses(raw_dir, home, console)
    before = states(home)
    (raw_dir / "transactions.csv").write_text(HEADER + "\n")
    with pytest.raises(Exception, match="no rows"):
        statuses(raw_dir, home, console)
    assert states(home) == before


def test_each_folder_says_what_it_was_made_of(raw_dir, home, console):
    write(raw_dir, ROW, BAD)
    statuses(raw_dir, home, console)
    (folder,) = home.lake.glob("kkbox/transactions/*/")
    record = json.loads((folder / "_file.json").read_text())
    sha256 = digest(raw_dir / "transactions.csv").sha256
    assert folder.name == f"transactions-{sha256[:12]}"
    assert record["raw_file"] == record["logical_name"] == "transactions.csv"
    assert record["content_hash"] == sha256
    assert (record["rows"], record["quarantined"]) == (1, 1)
    assert record["source_fingerprint"]
    assert json.loads((home.lake / "kkbox/_origin.json").read_text()) == {"origin": "real"}
    assert list(home.quarantine.glob(f"kkbox/transactions/{folder.name}/*.parquet"))


def test_an_ingest_killed_before_the_old_folder_went_is_settled(raw_dir, home, console):
    write(raw_dir, ROW)
    statuses(raw_dir, home, console)
    old = next(home.lake.glob("kkbox/transactions/*/"))
    kept = old.rename(raw_dir.parent / "kept")
    write(raw_dir, ROW, ROW)
    statuses(raw_dir, home, console)
    kept.rename(old)
    orphan = home.quarantine / "kkbox/transactions/transactions-000000000000"
    orphan.mkdir(parents=True)
    assert count(home) == 3
    assert statuses(raw_dir, home, console) == ["unchanged"]
    assert count(home) == 2
    assert not orphan.exists()


def test_scratch_of_a_killed_ingest_is_removed_and_of_a_running_one_kept(raw_dir, home, console):
    write(raw_dir, ROW)
    (home.work / "ingest-999999999").mkdir(parents=True)
    (home.work / f"ingest-{os.getppid()}").mkdir()
    (home.work / "other").mkdir()
    statuses(raw_dir, home, console)
    assert sorted(path.name for path in home.work.iterdir()) == sorted(
        [f"ingest-{os.getppid()}", "other"]
    )


def test_the_lake_changes_only_after_every_file_is_valid(raw_dir, home, console, monkeypatch):
    seen = []

    def spy(reading, folder, *rest):
        seen.append((reading.raw.name, sorted(home.lake.rglob("*"))))
        return convert(reading, folder, *rest)

    write(raw_dir, ROW)
    write(raw_dir, ROW, ROW, name="transactions_v2.csv")
    monkeypatch.setattr("pipeline.ingest.load.convert", spy)
    statuses(raw_dir, home, console)
    assert seen == [("transactions.csv", []), ("transactions_v2.csv", [])]


def test_records_come_oldest_first(raw_dir, home, console):
    for name in ("transactions_v2.csv", "transactions.csv"):
        write(raw_dir, name + ROW, name=name)
        statuses(raw_dir, home, console)
    names = [record.logical_name for record in records(home, "kkbox", "transactions").values()]
    assert names == ["transactions_v2.csv", "transactions.csv"]
    place = Place(home, "kkbox", "transactions", "x")
    assert place.lake.parent.parent.parent == home.lake


@pytest.mark.parametrize("size", [0, 1, (1 << 21) - 1, 1 << 21, (1 << 26) + 5])
def test_a_digest_counts_lines_and_sees_every_byte(size, tmp_path):
    path = tmp_path / "file"
    data = bytearray(b"line\n" * (size // 5 + 1))[:size]
    path.write_bytes(data)
    first = digest(path)
    assert first.lines == data.count(b"\n") + (bool(data) and not data.endswith(b"\n"))
    if size:
        data[-1] ^= 1
        path.write_bytes(data)
        assert digest(path).sha256 != first.sha256
