"""Which files are recognised: odd names, daily files, archives in archives, capital suffixes."""

import gzip
import io
import zipfile

import duckdb
import py7zr
import pytest
import yaml

from pipeline.ingest import ingest, render
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT, Home
from pipeline.project.sources import source_tables

HEADER = "event_time,event_type,user_id"
TRANSACTIONS = (
    "msno,payment_method_id,payment_plan_days,plan_list_price,actual_amount_paid,is_auto_renew,"
    "transaction_date,membership_expire_date,is_cancel"
)


def event(user):
    return f"{HEADER}\n2019-10-01 10:00:00 UTC,view,{user}\n"


def transaction(member):
    return f"{TRANSACTIONS}\n{member},41,30,149,149,1,20170301,20170401,0\n"


def users(home, domain="ecommerce", table="events", column="user_id"):
    files = sorted(map(str, (home.lake / domain / table).rglob("*.parquet")))
    with duckdb.connect() as connection:
        found = [
            connection.read_parquet(name.replace("[", "[[]").replace("*", "[*]")) for name in files
        ]
        return sorted(row[0] for rows in found for row in rows.select(column).fetchall())


def zipped(**members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()


def seven_zipped(**members):
    packed = io.BytesIO()
    with py7zr.SevenZipFile(packed, "w") as archive:
        for name, data in members.items():
            archive.writef(io.BytesIO(data.encode() if isinstance(data, str) else data), name)
    return packed.getvalue()


def test_a_column_goes_by_another_name_in_the_files(raw_dir, home, console, tmp_path, monkeypatch):
    """A header such as Customer No is no name for SQL: the YAML says what the lake calls it."""
    document = yaml.safe_load((PROJECT / "models/ecommerce/_ecommerce__sources.yml").read_text())
    events = document["sources"][0]["tables"][0]
    for column in events["columns"]:
        if column["name"] == "user_id":
            column["config"]["meta"]["header"] = "Customer No"
    own = tmp_path / "project" / "models" / "ecommerce" / "_ecommerce__sources.yml"
    own.parent.mkdir(parents=True)
    own.write_text(yaml.safe_dump(document, sort_keys=False))
    tables = source_tables("ecommerce", tmp_path / "project")
    monkeypatch.setattr("pipeline.ingest.run.source_tables", lambda domain: tables)
    # a column of the files that is called as the lake's is not that one
    (raw_dir / "a.csv").write_text(
        "user_id,event_time,event_type,Customer No\nother,2019-10-01 10:00:00 UTC,view,one\n"
    )
    duckdb.execute(
        "copy (select timestamp '2019-10-01' as event_time, 'view' as event_type, "
        f"'two' as \"Customer No\", 'not an id' as user_id) to '{raw_dir}/b.parquet'"
    )
    ingest("ecommerce", raw_dir, home, console=console)
    assert users(home) == ["one", "two"]
    (raw_dir / "c.csv").write_text(event("three"))
    with pytest.raises(ChurnError, match="lacks Customer No"):
        ingest("ecommerce", raw_dir, home, console=console)


@pytest.mark.parametrize("name", ["2019-Oct[1].csv", "2019-Oct*.csv", "2019-Oct?.csv", "[!a].csv"])
def test_a_file_is_read_once_whatever_its_name_matches(name, raw_dir, tmp_path, console):
    home = Home(tmp_path / "churn [v2]* home")
    (raw_dir / name).write_text(event("own"))
    (raw_dir / "2019-Oct1.csv").write_text(event("other"))
    (raw_dir / "b.csv").write_text(event("third"))
    summary = ingest("ecommerce", raw_dir, home, console=console)
    assert {file.rows for file in summary.files} == {1}
    assert users(home) == ["other", "own", "third"]
    (raw_dir / name).write_text(event("own") + event("own2").partition("\n")[2])
    ingest("ecommerce", raw_dir, home, console=console)
    assert users(home) == ["other", "own", "own2", "third"]


DAILY = {
    "kkbox": {
        "transactions": ["transactions_2017-04-02.csv", "transactions_20170402.csv"],
        "user_logs": ["user_logs_2017-04-02.csv", "user_logs_2017-04.csv"],
        "members": ["members_2017-04-02.csv"],
    },
    "ecommerce": {"events": ["2019-10-05.csv", "events_2019-10-05.csv", "2019-Oct.csv"]},
}


@pytest.mark.parametrize("domain", DAILY)
def test_daily_files_of_every_source_are_known(domain):
    tables = source_tables(domain)
    for table, names in DAILY[domain].items():
        for name in names:
            assert [one.name for one in tables if one.holds(name)] == [table]


def test_a_days_file_is_read_beside_the_history(raw_dir, home, console):
    (raw_dir / "transactions.csv").write_text(transaction("a"))
    (raw_dir / "transactions_2017-04-02.csv").write_text(transaction("b"))
    summary = ingest("kkbox", raw_dir, home, console=console)
    assert summary.unrecognised == ()
    assert users(home, "kkbox", "transactions", "msno") == ["a", "b"]


def test_the_whole_download_of_the_competition_is_taken_as_it_is(raw_dir, home, console):
    # a zip of .7z, each with a csv in it, as Kaggle serves it
    whole = zipped(
        **{
            "transactions.csv.7z": seven_zipped(**{"transactions.csv": transaction("a")}),
            "transactions_v2.csv.7z": seven_zipped(
                **{"data/churn_comp_refresh/transactions_v2.csv": transaction("b")}
            ),
            "train.csv.7z": seven_zipped(**{"train.csv": "msno,is_churn\na,1\n"}),
            "sample_submission_zero.csv.7z": seven_zipped(
                **{"sample_submission_zero.csv": "msno,is_churn\na,0\n"}
            ),
            "WSDMChurnLabeller.scala": "object",
        }
    )
    name = "kkbox-churn-prediction-challenge.zip"
    (raw_dir / name).write_bytes(whole)
    for statuses in ({"ingested"}, {"unchanged"}):
        summary = ingest("kkbox", raw_dir, home, console=console)
        assert {file.status for file in summary.files} == statuses
    assert [file.file for file in summary.files] == [
        f"{name}:transactions.csv.7z:transactions.csv",
        f"{name}:transactions_v2.csv.7z:data/churn_comp_refresh/transactions_v2.csv",
        f"{name}:train.csv.7z:train.csv",
    ]
    assert summary.unrecognised == (
        f"{name}:sample_submission_zero.csv.7z:sample_submission_zero.csv",
        f"{name}:WSDMChurnLabeller.scala",
    )
    assert users(home, "kkbox", "transactions", "msno") == ["a", "b"]
    assert list(home.work.iterdir()) == []


def parquet(path, user):
    duckdb.sql(
        "copy (select timestamp '2019-10-01 10:00:00' as event_time, 'view' as event_type,"
        f" '{user}' as user_id) to '{path}'"
    )
    return path.read_bytes()


def test_every_member_of_an_archive_is_read_or_named(raw_dir, home, console, tmp_path):
    (raw_dir / "all.ZIP").write_bytes(
        zipped(
            **{
                "2019-Oct.csv": event("oct"),
                "2019-Nov.CSV": event("nov"),
                "2019-Dec.csv.gz": gzip.compress(event("dec").encode()),
                "2020-Jan.parquet": parquet(tmp_path / "p.parquet", "jan"),
                "deep/2020-Feb.zip": zipped(**{"2020-Feb.csv": event("feb"), "x.md": "x"}),
                "2020-Mar.txt": event("mar"),
                "2020-Apr.xlsx": "PK",
                "__MACOSX/._2019-Oct.csv": "x",
            }
        )
    )
    (raw_dir / "2020-May.CSV.GZ").write_bytes(gzip.compress(event("may").encode()))
    (raw_dir / "2020-Jun.Csv").write_text(event("jun"))
    summary = ingest("ecommerce", raw_dir, home, console=console)
    assert users(home) == ["dec", "feb", "jan", "jun", "may", "nov", "oct"]
    assert summary.unrecognised == (
        "all.ZIP:deep/2020-Feb.zip:x.md",
        "all.ZIP:2020-Mar.txt",
        "all.ZIP:2020-Apr.xlsx (a spreadsheet: save it as CSV)",
    )
    render(summary, console)
    assert "Not recognised: all.ZIP:deep/2020-Feb.zip:x.md, all.ZIP:2020-Mar.txt" in (
        console.export_text()
    )


def test_another_suffix_is_read_if_a_pattern_has_it(raw_dir, home, console, monkeypatch):
    from dataclasses import replace

    events, _ = source_tables("ecommerce")
    named = (replace(events, files=("*.csv", "log-*.txt")),)
    monkeypatch.setattr("pipeline.ingest.run.source_tables", lambda _: named)
    (raw_dir / "log-1.txt").write_text(event("a"))
    (raw_dir / "readme.txt").write_text("x")
    summary = ingest("ecommerce", raw_dir, home, console=console)
    assert users(home) == ["a"]
    assert summary.unrecognised == ("readme.txt",)


@pytest.mark.parametrize("pack", [zipped, seven_zipped])
def test_a_damaged_archive_in_an_archive_is_refused_with_its_name(pack, raw_dir, home, console):
    inner = pack(**{"2019-Oct.csv": event("a") * 500})
    (raw_dir / "all.zip").write_bytes(
        zipped(**{f"in.{'zip' if pack is zipped else '7z'}": inner[:-40]})
    )
    with pytest.raises(ChurnError, match="truncated or damaged") as refused:
        ingest("ecommerce", raw_dir, home, console=console)
    assert refused.value.where.startswith("all.zip:in.")


def test_many_unknown_members_do_not_fill_the_terminal(raw_dir, home, console):
    photos = {f"photo-{n}.jpg": "x" for n in range(90)}
    (raw_dir / "all.zip").write_bytes(zipped(**{"2019-Oct.csv": event("a")}, **photos))
    summary = ingest("ecommerce", raw_dir, home, console=console)
    render(summary, console)
    assert "… and 70 others." in console.export_text()


def test_an_archive_of_nothing_known_says_what_is_in_it(raw_dir, home, console):
    (raw_dir / "all.zip").write_bytes(zipped(**{"notes.txt": "x"}))
    with pytest.raises(ChurnError, match="No file in the raw directory is recognised") as refused:
        ingest("ecommerce", raw_dir, home, console=console)
    assert "all.zip:notes.txt" in refused.value.where
