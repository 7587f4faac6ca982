"""Each row keeps the day on which it was first ingested, however often its file comes again."""

import json
from collections import Counter

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.ingest import ingest
from pipeline.ingest.lake import records
from pipeline.project.clock import today
from pipeline.project.errors import ChurnError
from pipeline.project.sources import source_tables
from pipeline.warehouse.fingerprint import lake_fingerprint

SHOP = "event_time,event_type,user_id,brand"
MEMBERS = "msno,city,bd,gender,registered_via,registration_init_time"


def event(day, user, kind="view", brand="b"):
    return f"2019-{day} 10:00:00 UTC,{kind},{user},{brand}"


@pytest.fixture
def take(raw_dir, home, console, monkeypatch):
    """Ingest a file of rows on a day."""

    def written(day, *rows, domain="ecommerce", header=SHOP, name="e.csv"):
        monkeypatch.setenv("CHURN_TODAY", day)
        (raw_dir / name).write_text("\n".join([header, *rows]) + "\n")
        return ingest(domain, raw_dir, home, console=console)

    return written


def seen(home, table="ecommerce/events", columns="user_id"):
    rows = f"read_parquet('{home.lake}/{table}/**/*.parquet', union_by_name = true)"
    return sorted(
        duckdb.sql(f"select {columns}, first_seen_on::varchar from {rows}").fetchall(), key=str
    )


def test_rows_of_a_new_file_are_first_seen_today(take, home):
    take("2019-11-01", event("10-01", "a"))
    take("2019-11-02", event("10-02", "b"), name="f.csv")
    assert seen(home) == [("a", "2019-11-01"), ("b", "2019-11-02")]


def test_rows_that_were_there_keep_their_day_and_late_ones_get_today(take, home):
    first = [event("10-01", "a"), event("10-02", "b"), event("11-01", "c")]
    take("2019-11-02", *first)
    late = event("10-01", "late")
    take("2019-11-03", late, *first, event("11-02", "d"))
    take("2019-11-04", event("10-02", "later"), late, *first[:2], event("11-02", "d"))
    assert seen(home) == [
        ("a", "2019-11-02"),
        ("b", "2019-11-02"),
        ("d", "2019-11-03"),
        ("late", "2019-11-03"),
        ("later", "2019-11-04"),
    ]


def test_a_changed_row_is_a_new_one(take, home):
    take("2019-11-02", event("10-01", "a"), event("10-01", "b"))
    take("2019-11-03", event("10-01", "a", brand="c"), event("10-01", "b"))
    assert seen(home) == [("a", "2019-11-03"), ("b", "2019-11-02")]


def test_equal_rows_are_counted_as_often_as_they_are_there(take, home, raw_dir):
    row = "a,1,30,f,9,20150101"
    (raw_dir / "transactions.csv").write_text(
        "msno,payment_method_id,payment_plan_days,plan_list_price,actual_amount_paid,is_auto_renew,"
        "transaction_date,membership_expire_date,is_cancel\na,41,30,149,149,1,20170301,20170401,0\n"
    )
    for day, times in (("2019-11-01", 2), ("2019-11-02", 3), ("2019-11-03", 5), ("2019-11-04", 1)):
        take(day, *[row] * times, domain="kkbox", header=MEMBERS, name="members.csv")
        days = Counter(day for _, day in seen(home, "kkbox/members", "msno"))
        if times == 5:
            assert days == {"2019-11-01": 2, "2019-11-02": 1, "2019-11-03": 2}
    assert days == {"2019-11-01": 1}


def test_a_month_that_is_as_it_was_keeps_its_file(take, home):
    october = [event("10-01", f"u{n}") for n in range(50)]
    take("2019-11-02", *october, event("11-01", "x"))

    def inode(month):
        (file,) = home.lake.glob(f"ecommerce/events/*/event_type=view/month={month}/*.parquet")
        return file.stat().st_ino

    before = inode("2019-10")
    take("2019-11-03", *october[::-1], event("11-01", "x"), event("11-02", "y"))
    assert inode("2019-10") == before
    assert len(seen(home)) == 52
    assert dict(seen(home))["y"] == "2019-11-03"


def test_days_are_right_in_a_file_of_many_rows_in_another_order(take, home):
    draw = np.random.default_rng(1)
    rows = [event(f"{10 + n % 2}-{1 + n % 28:02}", f"u{n}") for n in range(30_000)]
    take("2019-12-01", *rows[:20_000])
    take("2019-12-02", *[rows[n] for n in draw.permutation(30_000)])
    days = dict(seen(home))
    assert {day for user, day in days.items() if int(user[1:]) < 20_000} == {"2019-12-01"}
    assert {day for user, day in days.items() if int(user[1:]) >= 20_000} == {"2019-12-02"}


def forget_days(home):
    """Make a lake as it was before days were kept."""
    for file in home.lake.rglob("*.parquet"):
        pq.write_table(pq.read_table(file, partitioning=None).drop(["first_seen_on"]), file)


def test_rows_of_a_lake_without_days_stay_without_and_new_ones_have_theirs(take, home):
    kept = [event("10-01", "a"), event("11-01", "b")]
    take("2019-11-02", *kept)
    forget_days(home)
    # October changes, November stays as it is
    take("2019-11-03", *kept, event("10-02", "c"))
    assert seen(home) == [("a", None), ("b", None), ("c", "2019-11-03")]
    take("2019-11-04", *kept, event("10-02", "c"), event("11-02", "d"))
    assert seen(home) == [
        ("a", None),
        ("b", None),
        ("c", "2019-11-03"),
        ("d", "2019-11-04"),
    ]


def test_a_change_of_the_yaml_makes_no_row_new(take, home, monkeypatch):
    rows = [event("10-01", "a"), event("10-02", "b")]
    take("2019-11-02", *rows)
    monkeypatch.setattr("pipeline.project.sources.SourceTable.fingerprint", lambda self: "new")
    take("2019-11-03", *rows)
    assert {day for _, day in seen(home)} == {"2019-11-02"}


def test_the_day_is_in_no_key_and_no_fingerprint(take, home):
    fingerprints = [table.fingerprint() for table in source_tables("ecommerce")]
    row = event("10-01", "a")
    take("2019-11-02", row, row)
    before = lake_fingerprint(home, "ecommerce")
    (record,) = records(home, "ecommerce", "events").values()
    assert (record.rows, record.duplicates) == (1, 1)
    assert "first_seen_on" not in json.dumps(record.__dict__)
    assert lake_fingerprint(home, "ecommerce") == before
    assert fingerprints == [table.fingerprint() for table in source_tables("ecommerce")]
    assert all(
        column.name != "first_seen_on"
        for table in source_tables("ecommerce")
        for column in table.columns
    )


def test_rows_dated_after_today_are_counted_aloud(take, console):
    from pipeline.ingest import render

    rows = [event("11-02", "a"), event("11-03", "b"), event("11-04", "c")]
    future = "2099-12-31 00:00:00 UTC,view,z,b"
    summary = take("2019-11-03", *rows, future)
    assert summary.files[0].ahead == 2
    render(summary, console)
    words = "Dated after today: 2 rows of e.csv, the last 2099-12-31 00:00:00."
    assert words in console.export_text()


def test_today_is_the_clocks_or_the_one_that_is_set(monkeypatch):
    monkeypatch.setenv("CHURN_TODAY", "2017-04-01")
    assert today().isoformat() == "2017-04-01"
    monkeypatch.setenv("CHURN_TODAY", "1 April")
    with pytest.raises(ChurnError, match="CHURN_TODAY is '1 April'"):
        today()
    monkeypatch.delenv("CHURN_TODAY")
    assert today().year >= 2026
