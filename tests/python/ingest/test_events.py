"""Event files: any name and number, times in UTC, values from a list, duplicates out, parts."""

import gzip
import random
import re
import zipfile
from collections import Counter

import duckdb
import pytest

from pipeline.ingest import ingest, render
from pipeline.ingest.digest import digest
from pipeline.ingest.engine import connect, execute
from pipeline.project.errors import ChurnError
from pipeline.project.sources import source_tables

YAML = """
version: 2
sources:
  - name: shop
    tables:
      - name: events
        config:
          meta: {files: ["*.csv"], required: true, history: append_only, event_time: event_time,
                 deduplicate: true, partition_by: [event_type, event_date]}
        columns:
          - name: event_time
            data_type: timestamp
            config: {meta: {not_null: true, format: "%Y-%m-%d %H:%M:%S UTC"}}
          - name: event_date
            data_type: date
            config: {meta: {not_null: true, date_of: event_time}}
          - name: event_type
            data_type: varchar
            config: {meta: {not_null: true, values: [view, purchase]}}
          - {name: brand, data_type: varchar, config: {meta: {required: false}}}
          - {name: price, data_type: double, config: {meta: {required: false, min: 0}}}
          - {name: user_id, data_type: varchar, config: {meta: {not_null: true}}}
      - name: visits
        config:
          meta: {files: ["visits-*.csv"], history: append_only, event_time: since}
        columns:
          - {name: since, data_type: timestamp, config: {meta: {format: "%d/%m/%Y %H:%M %z"}}}
"""
HEADER = "event_time,event_type,brand,price,user_id"
NAMES = "event_time::varchar, event_type, brand, price, user_id"
OCT = "2019-10-01 10:00:00 UTC,view,aqua,33.20,u1"
OCT_2 = "2019-10-31 23:59:59 UTC,purchase,,5,u2"
NOV = "2019-11-01 00:00:00 UTC,view,,7,u3"


@pytest.fixture(autouse=True)
def shop(tmp_path, monkeypatch):
    folder = tmp_path / "project" / "models" / "shop"
    folder.mkdir(parents=True)
    (folder / "_shop__sources.yml").write_text(YAML)
    tables = source_tables("shop", tmp_path / "project")
    # The named pattern first, as `*.csv` takes every name.
    monkeypatch.setattr("pipeline.ingest.run.source_tables", lambda domain: tables[::-1])
    return tables[0]


@pytest.fixture
def take(raw_dir, home, console):
    """Ingest the raw directory."""
    return lambda: ingest("shop", raw_dir, home, console=console)


def write(path, *rows, header=HEADER):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def lake(home, columns=NAMES, table="events"):
    files = f"'{home.lake}/shop/{table}/**/*.parquet'"
    rows = duckdb.sql(f"select {columns} from read_parquet({files}, hive_partitioning = false)")
    return sorted(rows.fetchall(), key=str)


def quarantine(home):
    return duckdb.sql(
        "select line, column_name, value, reason"
        f" from '{home.quarantine}/shop/events/*/*.parquet' order by all"
    ).fetchall()


def folders(home):
    return sorted(path.name.rpartition("-")[0] for path in home.lake.glob("shop/events/*/"))


# parts and days


def test_rows_are_split_by_value_and_month_and_keep_every_column(raw_dir, home, take):
    write(raw_dir / "e.csv", OCT, OCT_2, NOV)
    take()
    (folder,) = home.lake.glob("shop/events/*/")
    parts = {
        str(path.parent.relative_to(folder)): duckdb.sql(
            "select event_time::varchar, event_date::varchar, event_type, user_id"
            f" from read_parquet('{path}', hive_partitioning = false)"
        ).fetchall()
        for path in folder.rglob("*.parquet")
    }
    assert parts == {
        "event_type=view/month=2019-10": [("2019-10-01 10:00:00", "2019-10-01", "view", "u1")],
        "event_type=purchase/month=2019-10": [
            ("2019-10-31 23:59:59", "2019-10-31", "purchase", "u2")
        ],
        "event_type=view/month=2019-11": [("2019-11-01 00:00:00", "2019-11-01", "view", "u3")],
    }


def test_rows_of_a_file_in_order_of_time_lie_in_row_groups_of_few_days(raw_dir, home, take):
    rows = (
        "select strftime(timestamp '2019-10-01' + to_seconds(i * 3), '%Y-%m-%d %H:%M:%S'), 'view',"
        " 'b', 1, 'u' || i from range(864000) r(i)"
    )
    last = "2019-10-30 23:59:57,view,b,1,u863999"
    duckdb.sql(f"copy ({rows}) to '{raw_dir}/e.csv' (format csv, header false)")
    text = (raw_dir / "e.csv").read_text()
    assert text.endswith(last + "\n")
    write(raw_dir / "e.csv", text + last)  # so that the part is written twice
    assert take().files[0].duplicates == 1
    days = duckdb.sql(
        "select median(stats_max::date - stats_min::date)"
        f" from parquet_metadata('{home.lake}/shop/**/*.parquet')"
        " where path_in_schema = 'event_date'"
    ).fetchone()[0]
    assert days <= 10  # some four, were there one thread


def test_a_column_in_the_place_of_a_made_one_is_ignored_and_that_is_said(
    raw_dir, home, take, console
):
    write(raw_dir / "e.csv", f"{OCT},1999-01-01", header=f"{HEADER},event_date")
    summary = take()
    assert lake(home, "event_date::varchar") == [("2019-10-01",)]
    assert summary.files[0].ignored_columns == ("event_date",)
    assert summary.files[0].absent_columns == ()
    render(summary, console)
    assert "Ignored columns of e.csv: event_date." in console.export_text()


def test_a_made_column_of_a_parquet_file_is_made_too(raw_dir, home, take):
    duckdb.sql(
        "copy (select timestamp '2019-10-01 10:00:00' as event_time, date '1999-01-01' as"
        f" event_date, 'view' as event_type, 'u' as user_id) to '{raw_dir}/e.parquet'"
    )
    assert take().files[0].ignored_columns == ("event_date",)
    assert lake(home, "event_date::varchar") == [("2019-10-01",)]


# columns and values


def test_the_required_columns_are_enough(raw_dir, home, take, console):
    write(
        raw_dir / "orders.csv",
        "u1,purchase,2019-10-01 10:00:00",
        header="user_id,event_type,event_time",
    )
    summary = take()
    assert lake(home) == [("2019-10-01 10:00:00", "purchase", None, None, "u1")]
    assert summary.files[0].absent_columns == ("brand", "price")
    render(summary, console)
    assert "Missing from orders.csv, null: brand, price." in console.export_text()


@pytest.mark.parametrize("missing", ["event_time", "event_type", "user_id"])
def test_a_file_without_a_required_column_is_refused(missing, raw_dir, home, take):
    header = ",".join(name for name in HEADER.split(",") if name != missing)
    write(raw_dir / "e.csv", "a,b,c,d", header=header)
    with pytest.raises(ChurnError) as refused:
        take()
    assert refused.value.what == f"The header lacks {missing}."
    assert "header expected: event_time,event_type,[brand],[price],user_id" in refused.value.where
    assert "Columns in brackets are optional." in refused.value.hint
    assert "remove the file from the directory" in refused.value.hint
    assert not home.lake.exists()


def test_other_values_than_the_listed_ones_are_quarantined(raw_dir, home, take):
    write(
        raw_dir / "e.csv",
        OCT,
        OCT.replace("view", "View"),
        OCT.replace("view", "refund"),
        OCT.replace("view", ""),
    )
    report = take().files[0]
    assert quarantine(home) == [
        (3, "event_type", "View", "not one of view, purchase"),
        (4, "event_type", "refund", "not one of view, purchase"),
        (5, "event_type", None, "empty"),
    ]
    assert (report.rows_read, report.rows, report.quarantined) == (4, 1, 3)


def test_a_file_of_wrong_values_alone_is_refused_with_the_values(raw_dir, take):
    write(raw_dir / "e.csv", OCT.replace("view", "click"))
    with pytest.raises(ChurnError) as refused:
        take()
    assert "event_type not one of view, purchase" in refused.value.where
    assert "event_date" not in refused.value.hint


# times

TIMES = {
    "2019-10-01 10:00:00 UTC": "2019-10-01 10:00:00",
    "2019-10-01 10:00:00": "2019-10-01 10:00:00",
    "2019-10-01T10:00:00": "2019-10-01 10:00:00",
    "2019-10-01T10:00:00Z": "2019-10-01 10:00:00",
    "2019-10-01 10:00:00+00:00": "2019-10-01 10:00:00",
    "2019-10-01 10:00:00+00": "2019-10-01 10:00:00",
    "2019-10-01 10:00:00.25 UTC": "2019-10-01 10:00:00.25",
    "2019-10-01T10:00:00.250Z": "2019-10-01 10:00:00.25",
    "2019-10-01 10:00:00.123456": "2019-10-01 10:00:00.123456",
    "2019-10-01T10:00:00.5+02:00": "2019-10-01 08:00:00.5",
    "2019-10-01 10:00:00+02:00": "2019-10-01 08:00:00",
    "2019-10-01 10:00:00+0200": "2019-10-01 08:00:00",
    "2019-10-01 10:00:00-05:30": "2019-10-01 15:30:00",
    "2019-10-01 01:00:00+02": "2019-09-30 23:00:00",
    "2019-03-31 02:30:00": "2019-03-31 02:30:00",  # in summer time there is no such hour
}


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Europe/Berlin"])
def test_every_spelling_of_a_time_is_utc_whatever_the_sessions_zone(
    zone, raw_dir, home, take, monkeypatch
):
    def elsewhere(*arguments):
        con = connect(*arguments)
        con.execute(f"set timezone = '{zone}'")
        return con

    monkeypatch.setattr("pipeline.ingest.load.connect", elsewhere)
    write(raw_dir / "e.csv", *(f"{text},view,,,{n}" for n, text in enumerate(TIMES)))
    duckdb.sql(
        "copy (select timestamptz '2019-10-01 01:00:00+02' as event_time, 'view' as event_type,"
        f" 'p' as user_id) to '{raw_dir}/p.parquet'"
    )
    take()
    expected = {str(n): time for n, time in enumerate(TIMES.values())}
    expected["p"] = "2019-09-30 23:00:00"
    assert dict(lake(home, "user_id, event_time::varchar")) == expected
    assert {time[:10] for time in expected.values()} == {
        str(day) for (day,) in lake(home, "distinct event_date")
    }


def test_the_session_is_in_utc(tmp_path):
    assert connect(tmp_path).execute("select current_setting('timezone')").fetchone() == ("UTC",)


@pytest.mark.parametrize(
    "text",
    [
        "2019-13-01 10:00:00 UTC",
        "2019-10-01 25:00:00",
        "01.10.2019 10:00",
        "1569924000",
        "infinity",
        "-infinity",
        "0019-10-01 10:00:00",
        "12019-10-01 10:00:00",
        "2019-10-01 10:00:00 CEST",
        "2019-10-01 10:00:00+x",
        "2019-10-01 10:00:00+99",
        "2019-10-01 10:00:00+15:00",
        "2019-10-01T10:00:00-2000",
    ],
)
def test_what_is_no_time_is_quarantined(text, raw_dir, home, take):
    write(raw_dir / "e.csv", OCT, f"{text},view,,,u")
    take()
    assert quarantine(home) == [(3, "event_time", text, "not a timestamp as %Y-%m-%d %H:%M:%S UTC")]


@pytest.mark.parametrize("kind", ["timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"])
def test_times_of_a_parquet_file_are_taken(kind, raw_dir, home, take):
    duckdb.sql(
        f"copy (select '2019-10-01 10:00:00'::{kind} as event_time, 'view' as event_type,"
        f" 541312140 as user_id) to '{raw_dir}/2019-Oct.parquet'"
    )
    take()
    assert lake(home) == [("2019-10-01 10:00:00", "view", None, None, "541312140")]


def test_a_format_of_ones_own_may_have_an_offset(raw_dir, home, take):
    write(raw_dir / "e.csv", OCT)
    write(
        raw_dir / "visits-1.csv", "01/10/2019 10:00 +0200", "2019-10-01 10:00:00Z", header="since"
    )
    take()
    assert lake(home, "since::varchar, typeof(since)", "visits") == [
        ("2019-10-01 08:00:00", "TIMESTAMP"),
        ("2019-10-01 10:00:00", "TIMESTAMP"),
    ]


def test_more_hours_than_any_zone_has_are_no_offset_in_a_format_of_ones_own(raw_dir, home, take):
    write(raw_dir / "e.csv", OCT)
    times = [f"01/10/2019 10:00 {zone}" for zone in ("+1400", "+99", "+1500", "-9900", "-12:00")]
    write(raw_dir / "visits-1.csv", *times, header="since")
    take()
    assert lake(home, "since::varchar", "visits") == [
        ("2019-09-30 20:00:00",),
        ("2019-10-01 22:00:00",),
    ]


# duplicates


def test_of_equal_rows_one_is_kept_and_the_others_are_counted(raw_dir, home, take, console):
    # In one part the second and the third row go, in another the third alone.
    views, purchases = [OCT, OCT, OCT], [OCT_2, OCT_2.replace("u2", "u4"), OCT_2]
    write(raw_dir / "e.csv", *views, *purchases, NOV, OCT.replace("view", "x"))
    summary = take()
    (report,) = summary.files
    assert (report.rows_read, report.rows, report.quarantined, report.duplicates) == (8, 4, 1, 3)
    assert sorted(row[-1] for row in lake(home)) == ["u1", "u2", "u3", "u4"]
    again = take()
    assert (again.files[0].status, again.files[0].duplicates) == ("unchanged", 3)
    assert again.files[0].rows_read == 8
    render(summary, console)
    text = console.export_text()
    assert "e.csv → events: 4 rows, 1 in quarantine, 3 duplicates removed (ingested)" in text
    assert "Duplicates" in text


@pytest.mark.parametrize(
    "other",
    [
        OCT.replace("10:00:00", "10:00:01"),
        OCT.replace("view", "purchase"),
        OCT.replace("aqua", "aqub"),
        OCT.replace("aqua", ""),
        OCT.replace("33.20", "33.21"),
        OCT.replace("33.20", ""),
        OCT.replace("u1", "u2"),
    ],
)
def test_rows_that_differ_in_any_column_are_both_kept(other, raw_dir, home, take):
    write(raw_dir / "e.csv", OCT, other)
    assert take().files[0].duplicates == 0
    assert len(lake(home)) == 2


@pytest.mark.parametrize(
    ("row", "again"),
    [
        (OCT, OCT.replace("33.20", "33.2")),
        (OCT, OCT.replace(" UTC", "Z")),
        ("2019-10-01 10:00:00,view,,,u", '2019-10-01 10:00:00,view,"",,u'),
    ],
    ids=["a number", "a time", "nulls"],
)
def test_values_are_compared_and_not_how_they_are_written(row, again, raw_dir, take):
    write(raw_dir / "e.csv", row, again)
    assert take().files[0].duplicates == 1


def test_duplicates_are_found_wherever_they_stand_and_nothing_else_goes(raw_dir, home, take):
    draw = random.Random(1)
    numbers = [draw.randrange(150_000) for _ in range(200_000)]  # two row groups
    rows = [
        f"2019-10-01 00:00:{n % 60:02},view,{n % 5 or ''},{n % 7}.5,u{n // 10}" for n in numbers
    ]
    write(raw_dir / "e.csv", *rows)
    report = take().files[0]
    assert report.rows + report.duplicates == len(rows)
    columns = "concat_ws(',', event_time, event_type, coalesce(brand, ''), price, user_id)"
    assert Counter(row for (row,) in lake(home, columns)) == Counter(set(rows))


def test_a_part_without_duplicates_is_not_written_again(raw_dir, home, take, monkeypatch):
    written = []

    def spy(con, sql, watch):
        written.extend(re.findall(r"month=[0-9-]+(?=/\.data_0\.parquet\.part)", sql))
        return execute(con, sql, watch)

    monkeypatch.setattr("pipeline.ingest.deduplicate.execute", spy)
    write(raw_dir / "e.csv", OCT, OCT, OCT.replace("33.20", "1"), NOV, NOV.replace(",7,", ",8,"))
    take()
    assert written == ["month=2019-10"]
    assert not list(home.lake.rglob("*.part"))


# several files


def test_a_file_of_another_day_adds_and_costs_only_itself(
    raw_dir, home, take, tmp_path, console, monkeypatch
):
    write(raw_dir / "a day.csv", OCT)
    take()
    (folder,) = home.lake.glob("shop/events/*/")
    before = folder.stat().st_ino
    another = tmp_path / "another"
    another.mkdir()
    write(another / "o'clock [1] {2}*.csv", NOV)
    read = []
    monkeypatch.setattr(
        "pipeline.ingest.known.digest", lambda path: read.append(path) or digest(path)
    )
    summary = ingest("shop", another, home, console=console)
    assert [file.status for file in summary.files] == ["ingested"]
    assert len(lake(home)) == 2
    assert folder.stat().st_ino == before
    assert {path.parent for path in read} == {another}


def as_plain(path, data):
    path.with_suffix(".csv").write_bytes(data)


def as_gz(path, data):
    path.with_suffix(".csv.gz").write_bytes(gzip.compress(data))


def as_zip(path, data):
    with zipfile.ZipFile(path.with_suffix(".zip"), "w") as archive:
        archive.writestr(f"{path.name}.csv", data)


@pytest.mark.parametrize("store", [as_plain, as_gz, as_zip])
def test_a_copy_under_another_name_is_taken_once_and_that_is_said(
    store, raw_dir, home, take, console
):
    original = write(raw_dir / "a.csv", OCT, NOV)
    store(raw_dir / "b", original.read_bytes())
    for status in ("ingested", "unchanged"):
        summary = take()
        assert [file.status for file in summary.files] == [status, "copy"]
        assert len(lake(home)) == 2
    name = summary.files[1].file
    assert not summary.is_changed
    render(summary, console)
    text = console.export_text()
    assert f"{name} → events: the same content as a.csv (copy)" in text
    assert f"Skipped: {name} has the same content as a.csv." in text


def test_a_renamed_file_is_not_taken_again(raw_dir, home, take):
    file = write(raw_dir / "b.csv", OCT)
    take()
    file.rename(raw_dir / "a.csv")
    assert [file.status for file in take().files] == ["copy"]
    assert folders(home) == ["b"]


def test_a_copy_counts_once_its_original_is_another_file(raw_dir, home, take):
    # The copy comes first in the alphabet: it must wait for what becomes of the other.
    write(raw_dir / "b.csv", OCT)
    take()
    write(raw_dir / "a.csv", OCT)
    assert [file.status for file in take().files] == ["copy", "unchanged"]
    write(raw_dir / "b.csv", NOV)
    assert [file.status for file in take().files] == ["ingested", "replaced"]
    assert sorted(row[-1] for row in lake(home)) == ["u1", "u3"]


def test_files_that_swap_their_names_are_both_there(raw_dir, home, take):
    write(raw_dir / "a.csv", OCT)
    write(raw_dir / "b.csv", NOV)
    take()
    write(raw_dir / "a.csv", NOV)
    write(raw_dir / "b.csv", OCT)
    take()
    assert sorted(row[-1] for row in lake(home)) == ["u1", "u3"]
    assert [file.status for file in take().files] == ["unchanged", "unchanged"]


def test_a_file_that_becomes_a_copy_takes_its_own_rows_along(raw_dir, home, take):
    write(raw_dir / "a.csv", OCT)
    write(raw_dir / "b.csv", NOV, NOV.replace("view", "x"))
    take()
    write(raw_dir / "b.csv", OCT)
    summary = take()
    assert [file.status for file in summary.files] == ["unchanged", "replaced"]
    assert summary.is_changed
    assert [row[-1] for row in lake(home)] == ["u1"]
    assert not list(home.quarantine.rglob("*.parquet"))


def test_members_of_one_archive_are_no_copies_of_each_other(raw_dir, home, take):
    with zipfile.ZipFile(raw_dir / "all.zip", "w") as archive:
        archive.writestr("2019-Oct.csv", f"{HEADER}\n{OCT}\n")
        archive.writestr("2019-Nov.csv", f"{HEADER}\n{NOV}\n")
        archive.writestr("again.csv", f"{HEADER}\n{NOV}\n")
        archive.writestr("__MACOSX/._2019-Oct.csv", b"\0\5\26\7")
        archive.writestr("deep/.hidden.csv", "x")
    assert [(file.file, file.status) for file in take().files] == [
        ("all.zip:2019-Nov.csv", "ingested"),
        ("all.zip:2019-Oct.csv", "ingested"),
        ("all.zip:again.csv", "copy"),
    ]
    assert len(lake(home)) == 2


def test_a_copy_counts_once_in_a_table_that_keeps_duplicates_too(raw_dir, home, take):
    write(raw_dir / "e.csv", OCT)
    for name in ("visits-1.csv", "visits-2.csv"):
        write(raw_dir / name, "01/10/2019 10:00 +0000", header="since")
    reports = {file.file: file for file in take().files}
    assert [reports[f"visits-{n}.csv"].status for n in (1, 2)] == ["ingested", "copy"]
    assert len(lake(home, "since", "visits")) == 1
    assert reports["visits-1.csv"].duplicates is None


def test_files_that_overlap_in_time_are_named(raw_dir, home, take, console):
    write(raw_dir / "oct.csv", OCT, OCT_2)
    write(raw_dir / "nov.csv", NOV)
    assert take().overlaps == ()
    write(raw_dir / "autumn.csv", OCT_2.replace("purchase", "view"), NOV.replace("11-01", "12-01"))
    summary = take()
    assert [str(pair) for pair in summary.overlaps] == [
        "oct.csv and autumn.csv from 2019-10-31 23:59:59 to 2019-10-31 23:59:59 (0 rows in both)",
        "autumn.csv and nov.csv from 2019-11-01 00:00:00 to 2019-11-01 00:00:00 (0 rows in both)",
    ]
    assert take().overlaps == summary.overlaps
    render(summary, console)
    assert "Overlapping in time: oct.csv and autumn.csv from" in console.export_text()


def test_a_file_is_held_against_the_one_that_reaches_furthest(raw_dir, home, take):
    write(raw_dir / "long.csv", OCT, NOV.replace("11-01", "12-01"))
    write(raw_dir / "day.csv", OCT.replace("10-01", "10-02"))
    write(raw_dir / "later.csv", NOV)
    assert [(pair.first, pair.second) for pair in take().overlaps] == [
        ("long.csv", "day.csv"),
        ("long.csv", "later.csv"),
    ]


def test_hidden_files_marks_and_half_downloads_are_no_event_files(raw_dir, home, take):
    write(raw_dir / "e.csv", OCT)
    for name in (".e.csv", "._e.csv", "churn_demo.json", "f.csv.part", "g.csv.gz.crdownload"):
        (raw_dir / name).write_text("x")
    (raw_dir / "folder.csv").mkdir()
    summary = take()
    assert [file.file for file in summary.files] == ["e.csv"]
    assert summary.unrecognised == ("f.csv.part", "folder.csv/", "g.csv.gz.crdownload")


def test_formats_of_one_file_are_read_once(raw_dir, home, take):
    data = write(raw_dir / "e.csv", OCT).read_bytes()
    as_gz(raw_dir / "e", data)
    as_zip(raw_dir / "e", data)
    summary = take()
    assert [file.file for file in summary.files] == ["e.csv"]
    assert len(summary.shadowed) == 2


def test_packed_files_of_one_name_are_refused_rather_than_one_lost(raw_dir, home, take):
    for archive, row in (("oct.zip", OCT), ("nov.zip", NOV)):
        with zipfile.ZipFile(raw_dir / archive, "w") as zipped:
            zipped.writestr("events.csv", f"{HEADER}\n{row}\n")
    with pytest.raises(ChurnError, match=r"Two files have the name events\.csv") as refused:
        take()
    assert refused.value.where == "nov.zip:events.csv and oct.zip:events.csv"
    assert "rename it" in refused.value.hint
