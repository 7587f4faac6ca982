"""A file's rows can be taken out of the lake again; copies and overlaps are named."""

import duckdb
import pytest

from pipeline.ingest import ingest, remove_file, render
from pipeline.ingest.lake import records
from pipeline.project.errors import ChurnError
from pipeline.warehouse.fingerprint import lake_fingerprint

HEADER = (
    "msno,payment_method_id,payment_plan_days,plan_list_price,actual_amount_paid,is_auto_renew,"
    "transaction_date,membership_expire_date,is_cancel"
)
ROW = "a,41,30,149,149,1,20170301,20170401,0"
BAD = ROW.replace("20170301", "0")


def write(raw_dir, *rows, name="transactions.csv", header=HEADER):
    (raw_dir / name).write_text("\n".join([header, *rows]) + "\n")


def ids(home, table="transactions"):
    rows = f"read_parquet('{home.lake}/kkbox/{table}/**/*.parquet')"
    return sorted(row[0] for row in duckdb.sql(f"select msno from {rows}").fetchall())


def test_a_file_and_its_quarantine_are_taken_out(raw_dir, home, console):
    write(raw_dir, ROW)
    write(raw_dir, "b" + ROW[1:], "c" + ROW[1:], BAD, name="transactions_2017-04-02.csv")
    ingest("kkbox", raw_dir, home, console=console)
    before = lake_fingerprint(home, "kkbox")
    removed = remove_file("kkbox", "transactions_2017-04-02.csv", home)
    assert (removed.table, removed.rows, removed.quarantined, removed.files_left) == (
        "transactions",
        2,
        1,
        1,
    )
    assert "2 rows of transactions, 1 in quarantine; transactions has 1 file left" in str(removed)
    assert ids(home) == ["a"]
    assert not list(home.quarantine.rglob("*.parquet"))
    assert list(home.work.iterdir()) == []
    # the next run sees another lake, and another ingest loads the file again
    assert lake_fingerprint(home, "kkbox") != before
    summary = ingest("kkbox", raw_dir, home, console=console)
    assert [file.status for file in summary.files] == ["unchanged", "ingested"]


def test_a_file_the_lake_does_not_have_is_refused_with_those_it_has(raw_dir, home, console):
    write(raw_dir, ROW)
    ingest("kkbox", raw_dir, home, console=console)
    with pytest.raises(ChurnError, match=r"has no file 'user_logs.csv'") as refused:
        remove_file("kkbox", "user_logs.csv", home)
    assert "transactions.csv" in refused.value.where
    assert ids(home) == ["a"]


def test_the_command_takes_out_what_it_is_given(raw_dir, home, run_churn):
    write(raw_dir, ROW)
    write(raw_dir, "b" + ROW[1:], name="transactions_v2.csv")
    loaded = run_churn(home.root, "ingest", "--domain", "kkbox", "--raw", raw_dir)
    assert loaded.returncode == 0, loaded.stderr
    removed = run_churn(home.root, "ingest", "--domain", "kkbox", "--remove", "transactions_v2.csv")
    assert removed.returncode == 0, removed.stderr
    assert "Removed transactions_v2.csv: 1 rows of transactions" in removed.stdout
    assert ids(home) == ["a"]
    for wrong in ((), ("--raw", raw_dir, "--remove", "transactions.csv")):
        refused = run_churn(home.root, "ingest", "--domain", "kkbox", *wrong)
        assert refused.returncode == 1
        assert "--raw DIR or --remove FILE" in refused.stderr


def test_the_command_takes_an_encoding_and_a_reason(raw_dir, home, run_churn):
    rows = [BAD] * 30
    (raw_dir / "transactions.csv").write_bytes(
        "\n".join([HEADER, "M\xfcller" + ROW[1:], *rows]).encode("cp1252")
    )
    call = ("ingest", "--domain", "kkbox", "--raw", raw_dir, "--encoding", "cp1252")
    refused = run_churn(home.root, *call)
    assert refused.returncode == 1
    assert "30 of 31 rows would go to quarantine" in refused.stderr
    assert run_churn(home.root, *call, "--accept", " ").returncode == 1
    taken = run_churn(home.root, *call, "--accept", "a [test]")
    assert taken.returncode == 0, taken.stderr
    assert "Accepted in spite of its quarantine: transactions.csv, a [test]." in taken.stdout
    assert ids(home) == ["M\xfcller"]


def test_the_same_bytes_under_two_names_count_once_in_every_table(raw_dir, home, console):
    members = "msno,city,bd,gender,registered_via,registration_init_time"
    for name in ("transactions.csv", "transactions_v2.csv"):
        write(raw_dir, ROW, name=name)
    for name in ("members.csv", "members_v3.csv"):
        write(raw_dir, "a,1,30,f,9,20150101", name=name, header=members)
    for status in ("ingested", "unchanged"):
        summary = ingest("kkbox", raw_dir, home, console=console)
        assert [file.status for file in summary.files] == [status, "copy"] * 2
    assert (ids(home), ids(home, "members")) == (["a"], ["a"])
    render(summary, console)
    assert (
        "Skipped: transactions_v2.csv has the same content as transactions.csv."
        in console.export_text()
    )


def test_a_lake_that_has_a_file_twice_already_loses_the_second(raw_dir, home, console, monkeypatch):
    for name in ("transactions.csv", "transactions_v2.csv"):
        write(raw_dir, ROW, name=name)
    with monkeypatch.context() as before:
        before.setattr("pipeline.ingest.known.Contents.same_as", lambda *_: None)
        ingest("kkbox", raw_dir, home, console=console)
    assert ids(home) == ["a", "a"]
    summary = ingest("kkbox", raw_dir, home, console=console)
    assert [(file.status, file.copy_of) for file in summary.files] == [
        ("unchanged", None),
        ("replaced", "transactions.csv"),
    ]
    assert ids(home) == ["a"]


def test_files_of_every_source_that_overlap_are_named_with_the_rows_in_both(raw_dir, home, console):
    other = "b" + ROW[1:]
    write(raw_dir, ROW, other.replace("20170301", "20170315"))
    write(raw_dir, ROW, other, name="transactions_v2.csv")
    for _ in range(2):
        (pair,) = ingest("kkbox", raw_dir, home, console=console).overlaps
        assert (pair.first, pair.second, pair.rows) == (
            "transactions_v2.csv",
            "transactions.csv",
            1,
        )
    summary = ingest("kkbox", raw_dir, home, console=console)
    render(summary, console)
    text = console.export_text()
    assert (
        "transactions_v2.csv and transactions.csv from 2017-03-01 to 2017-03-01 (1 row in" in text
    )
    assert "churn ingest --remove FILE" in text


def test_rows_in_both_are_counted_once_for_each_content(raw_dir, home, console, monkeypatch):
    write(raw_dir, ROW)
    write(raw_dir, ROW, ROW, name="transactions_v2.csv")
    ingest("kkbox", raw_dir, home, console=console)
    monkeypatch.setattr("pipeline.ingest.overlap._in_both", lambda *_: pytest.fail("counted"))
    (pair,) = ingest("kkbox", raw_dir, home, console=console).overlaps
    assert pair.rows == 2
    assert [record.rows for record in records(home, "kkbox", "transactions").values()] == [1, 2]
