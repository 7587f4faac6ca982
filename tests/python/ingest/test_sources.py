"""The YAML is the one description of the raw files; another domain needs nothing else."""

from dataclasses import FrozenInstanceError, replace

import duckdb
import pytest

from pipeline.ingest import ingest, render
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT
from pipeline.project.sources import domains, source_tables

YAML = """
version: 2
sources:
  - name: shop
    schema: lake
    tables:
      - name: events
        identifier: shop_events
        description: One row per event.
        config:
          meta: {files: ["*.csv"], required: true, history: append_only, event_time: event_time,
                 partition_by: event_time}
        columns:
          - name: event_time
            data_type: timestamp
            config: {meta: {not_null: true, format: "%Y-%m-%d %H:%M:%S UTC"}}
          - {name: user_id, data_type: bigint, config: {meta: {not_null: true}}}
          - {name: brand, data_type: varchar, config: {meta: {required: false}}}
          - {name: price, data_type: double, config: {meta: {required: false, min: 0, max: 1.0e6}}}
      - name: shops
        description: One row per shop.
        config: {meta: {files: [shops.csv], history: snapshot}}
        columns: [{name: shop, data_type: varchar}]
  - name: shop_other
    tables: [{name: written_here, columns: []}]
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project" / "models" / "shop"
    folder.mkdir(parents=True)
    (folder / "_shop__sources.yml").write_text(YAML)
    return tmp_path / "project"


@pytest.fixture
def shop(project, monkeypatch):
    tables = source_tables("shop", project)
    monkeypatch.setattr("pipeline.ingest.run.source_tables", lambda domain: tables)


def rows(home, columns="*"):
    return duckdb.sql(
        f"select {columns} from '{home.lake}/shop/events/**/*.parquet' order by all"
    ).fetchall()


def test_a_table_is_read_with_all_it_says(project):
    events, shops = source_tables("shop", project)
    assert events.domain == "shop"
    assert events.identifier == "shop_events"
    assert (events.required, events.history, events.partition_by) == (
        True,
        "append_only",
        ("event_time",),
    )
    assert [column.required for column in events.columns] == [True, True, False, False]
    assert (events.column("price").min, events.column("price").max) == (0.0, 1e6)
    assert not shops.required
    with pytest.raises(FrozenInstanceError):
        events.name = "x"


def test_domains_are_the_folders_with_a_sources_file(project):
    (project / "models" / "serving").mkdir()
    assert domains(project) == ("shop",)
    assert "kkbox" in domains()


def test_the_shipped_description_is_valid():
    tables = {table.name: table for table in source_tables("kkbox")}
    assert tables["transactions"].required
    assert tables["transactions"].column("transaction_date").format == "%Y%m%d"
    assert tables["user_logs"].column("total_secs").max == 1e16


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("history: append_only, ", "", "lacks 'history'"),
        ("event_time: event_time,", "event_time: when,", "does not have"),
        ("{meta: {not_null: true, format", "{meta: {format", "may be null"),
        ("- name: shop\n", "- name: other\n", "is missing"),
    ],
)
def test_a_description_that_contradicts_itself_is_refused(project, old, new, message):
    path = project / "models" / "shop" / "_shop__sources.yml"
    assert old in YAML
    path.write_text(YAML.replace(old, new))
    source_tables.cache_clear()
    with pytest.raises(ChurnError, match=message) as refused:
        source_tables("shop", project)
    source_tables.cache_clear()
    assert "_shop__sources.yml" in refused.value.where


def test_a_fingerprint_changes_with_columns_and_not_with_words(project):
    table = source_tables("shop", project)[0]
    first, *rest = table.columns
    for changed in ({"data_type": "date"}, {"format": None}, {"not_null": False}, {"max": 3.0}):
        other = replace(table, columns=(replace(first, **changed), *rest))
        assert other.fingerprint() != table.fingerprint()
    told = replace(table, description="x", columns=(replace(first, description="x"), *rest))
    assert told.fingerprint() == table.fingerprint()


def test_a_key_that_is_not_used_leaves_the_fingerprint_of_other_lakes_alone():
    kkbox = {table.name: table.fingerprint() for table in source_tables("kkbox")}
    assert (kkbox["user_logs"], kkbox["train"]) == ("387e80bb992f0957", "df2f560fff98c9a9")


def test_every_key_that_shapes_the_lake_is_in_the_fingerprint(project):
    table = source_tables("shop", project)[0]
    first, *rest = table.columns
    for changed in (
        replace(table, deduplicate=True),
        replace(table, partition_by=("user_id", "event_time")),
        replace(table, partition_by=("event_time", "user_id")),
        replace(table, partition_by=()),
        replace(table, columns=(replace(first, values=("a",)), *rest)),
        replace(table, columns=(replace(first, date_of="x"), *rest)),
    ):
        assert changed.fingerprint() != table.fingerprint()
    both = [replace(table, partition_by=by) for by in (("a", "b"), ("b", "a"))]
    assert both[0].fingerprint() != both[1].fingerprint()
    told = replace(table, event_day="event_time", covered_by="brand")
    assert told.fingerprint() == table.fingerprint()


SPLIT = """
version: 2
sources:
  - name: shop
    tables:
      - name: events
        config:
          meta:
            files: ["*.csv"]
            history: append_only
            event_time: at
            event_day: day
            covered_by: kind
            deduplicate: true
            partition_by: [kind, day]
        columns:
          - {name: at, data_type: timestamp, config: {meta: {not_null: true}}}
          - {name: day, data_type: date, config: {meta: {not_null: true, date_of: at}}}
          - {name: kind, data_type: varchar, config: {meta: {not_null: true, values: [view, buy]}}}
          - {name: price, data_type: double}
"""


def described(project, yaml):
    (project / "models" / "shop" / "_shop__sources.yml").write_text(yaml)
    source_tables.cache_clear()
    return source_tables("shop", project)[0]


def test_days_values_and_parts_are_read_with_all_they_say(project):
    table = described(project, SPLIT)
    assert (table.event_day, table.covered_by) == ("day", "kind")
    assert table.partition_by == ("kind", "day")
    assert table.deduplicate
    assert table.column("kind").values == ("view", "buy")
    assert table.column("day").date_of == "at"
    assert [column.name for column in table.raw_columns] == ["at", "kind", "price"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("event_day: day", "event_day: days", r"does not have: \['days'\]"),
        ("covered_by: kind", "covered_by: kinds", r"does not have: \['kinds'\]"),
        ("[kind, day]", "[kind, days]", r"does not have: \['days'\]"),
        ("date_of: at", "date_of: when", r"does not have: \['when'\]"),
        ("date_of: at", "date_of: kind", "derives 'day' from 'kind'"),
        ("{name: day, data_type: date", "{name: day, data_type: varchar", "'day' from 'at'"),
        ("timestamp, config: {meta: {not_null: true}}", "timestamp", "'at', which may be null"),
        ("{not_null: true, values", "{values", "by 'kind', which may be null"),
        (", values: [view, buy]", "", "by 'kind', whose values are not valid folder names"),
        ("[view, buy]", "[view, a/b]", "whose values are not valid folder names"),
        ("[view, buy]", "[view, ..]", "whose values are not valid folder names"),
        ("[view, buy]", "[view, a=b]", "whose values are not valid folder names"),
        ("[view, buy]", "[view, true]", "values of 'kind' that are not text"),
        ("data_type: double", "data_type: double, config: {meta: {values: [a]}}", "not a varchar"),
    ],
)
def test_days_values_and_parts_that_cannot_be_are_refused(project, old, new, message):
    assert old in SPLIT
    with pytest.raises(ChurnError, match=message) as refused:
        described(project, SPLIT.replace(old, new))
    source_tables.cache_clear()
    assert "_shop__sources.yml" in refused.value.where


def test_ingest_knows_no_domain_by_name():
    files = [
        PROJECT / "pipeline" / "project" / "sources.py",
        *(PROJECT / "pipeline" / "ingest").glob("*.py"),
    ]
    names = set(domains()) - {"churn"}  # what every domain shares
    assert len(files) > 10
    assert len(names) > 1
    for file in files:
        assert not [name for name in names if name in file.read_text().lower()], file


def test_event_files_are_found_by_pattern_and_named_files_first(shop, raw_dir, home, console):
    (raw_dir / "2019-Oct.csv").write_text(
        "event_time,user_id,brand,price\n2019-10-01 00:00:00 UTC,12345678901234567,aqua,33.20\n"
    )
    (raw_dir / "2019-Nov.csv").write_text("user_id,event_time\n2,2019-11-30 23:59:59 UTC\n")
    (raw_dir / "shops.csv").write_text("shop\nb\n")
    summary = ingest("shop", raw_dir, home, console=console)
    assert [(file.file, file.table) for file in summary.files] == [
        ("2019-Nov.csv", "events"),
        ("2019-Oct.csv", "events"),
        ("shops.csv", "shops"),
    ]
    assert rows(home, "user_id, brand, price, event_time::varchar, month") == [
        (2, None, None, "2019-11-30 23:59:59", "2019-11"),
        (12345678901234567, "aqua", 33.2, "2019-10-01 00:00:00", "2019-10"),
    ]


def test_files_that_lack_the_same_columns_are_named_in_one_line(shop, raw_dir, home, console):
    for month in range(1, 6):
        rows_of_file = f"event_time,user_id,colour\n2019-0{month}-01 00:00:00 UTC,{month},red\n"
        (raw_dir / f"m{month}.csv").write_text(rows_of_file)
    render(ingest("shop", raw_dir, home, console=console), console)
    files, told = "m1.csv, m2.csv, m3.csv, … and 2 others", console.export_text()
    assert f"Missing from {files}, null: brand, price." in told
    assert f"Ignored columns of {files}: colour." in told


def test_a_missing_optional_column_is_null_and_said(shop, raw_dir, home, console):
    (raw_dir / "e.csv").write_text("event_time,user_id\n2019-10-01 00:00:00 UTC,1\nx,2\n,3\n")
    summary = ingest("shop", raw_dir, home, console=console)
    assert summary.files[0].absent_columns == ("brand", "price")
    render(summary, console)
    assert "Missing from e.csv, null: brand, price." in console.export_text()
    assert rows(home, "user_id, brand, price") == [(1, None, None)]
    assert duckdb.sql(
        f"select line, value, reason from '{home.quarantine}/shop/**/*.parquet' order by line"
    ).fetchall() == [
        (3, "x", "not a timestamp as %Y-%m-%d %H:%M:%S UTC"),
        (4, None, "empty"),
    ]


@pytest.mark.parametrize(
    "value", ["2019-10-01 00:00:00 UTC", "2019-10-01 00:00:00", "2019-10-01T00:00:00Z"]
)
def test_a_time_is_read_as_utc_however_it_is_written(shop, value, raw_dir, home, console):
    (raw_dir / "e.csv").write_text(f"event_time,user_id\n{value},1\n")
    ingest("shop", raw_dir, home, console=console)
    assert rows(home, "event_time::varchar") == [("2019-10-01 00:00:00",)]


@pytest.mark.parametrize("value", ["1.5", "99999999999999999999", "x"])
def test_a_large_integer_is_never_rounded(shop, value, raw_dir, home, console):
    (raw_dir / "e.csv").write_text(
        f"event_time,user_id\n2019-10-01 00:00:00 UTC,{value}\n"
        "2019-10-01 00:00:00 UTC,9007199254740993.0\n"
    )
    summary = ingest("shop", raw_dir, home, console=console)
    assert rows(home, "user_id") == [(9007199254740993,)]
    assert str(summary.files[0].reasons[0]) == "user_id not of type bigint"


def test_a_parquet_file_may_lack_optional_columns_and_hold_times(shop, raw_dir, home, console):
    duckdb.sql(
        "copy (select timestamptz '2019-10-01 02:00:00+02' as event_time, 7::int as user_id)"
        f" to '{raw_dir}/2019-Oct.parquet'"
    )
    ingest("shop", raw_dir, home, console=console)
    assert rows(home, "event_time::varchar, user_id, price") == [("2019-10-01 00:00:00", 7, None)]
