"""What a night left is judged: a small warehouse and records of files, no run."""

import json
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from pipeline.alerts.book import as_alert
from pipeline.alerts.gather import REMEMBERED, AlertDomain, FilesBefore, judge
from pipeline.ingest.lake import Record
from pipeline.ingest.overlap import Overlap
from pipeline.ingest.summary import FileReport, IngestSummary
from pipeline.project.alert_settings import AlertRules
from pipeline.project.domains import domain_entries
from pipeline.project.sources import source_tables
from pipeline.runs.nights import Night, Note

SHOP = "ecommerce"
LAST = date(2020, 4, 30)
NOW = datetime(2020, 5, 1, 3, 30)
RULES = AlertRules(vanishing={"events": ("brand",)})


def fill(home, *, days=40, thin=None, brands=("acme", "other"), gone=None, seen=0):
    """A warehouse with 100 events a day up to the last; half of each brand."""
    home.root.mkdir(parents=True, exist_ok=True)
    home.warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(
            f"""
            create schema control;
            create schema lake;
            create table lake.ecommerce_events as
            select day as event_date, brand, day + {seen} as first_seen_on
            from (
                select cast(unnest(generate_series(
                    date '{LAST}' - {days - 1}, date '{LAST}', interval 1 day
                )) as date) as day
            ), (select unnest({list(brands)!r}) as brand), range(50);
            delete from lake.ecommerce_events
            where brand = '{gone}' and event_date > date '{LAST}' - 3;
            create table control.control__event_days as
            select 'ecommerce' as domain, 'events' as table_name, event_date as day,
                count(*) as event_rows
            from lake.ecommerce_events group by all;
            insert into control.control__event_days
            select domain, table_name || '.view', day - 30, event_rows
            from control.control__event_days;
            create table control.control__day_counts as
            select *, 100.0 as expected_rows from control.control__event_days;
            update control.control__day_counts
            set event_rows = 12 where day = date '{thin or "1970-01-01"}';
            create table control.control__holes (
                domain varchar, table_name varchar, day date, reason varchar
            );
            create table control.control__grids as
            select 'ecommerce' as domain, 'events' as anchor_table;
            """
        )


@pytest.fixture
def found(home):
    """`found(…)`: kind → subjects and the kinds that were judged."""

    def of(today=LAST + timedelta(days=1), *, files=None, standing=(), rules=RULES, built=True):
        night = Night(command="nightly", began_at=datetime.now(UTC), outcome="published")
        domain = AlertDomain(SHOP, rules, today, files, is_built=built)
        judged = judge(home, night, [domain], standing, NOW)
        assert judged.problems == []
        return judged

    return of


def kinds(judged):
    return {(one.kind, one.subject) for one in judged.troubles}


def test_a_night_like_every_other_finds_nothing(home, found):
    fill(home)
    judged = found()
    assert judged.troubles == []
    assert {kind for domain, kind in judged.kinds if domain == SHOP} >= {
        "freshness",
        "volume",
        "vanished",
        "refused",
        "failed",
        "dead_letters",
    }


def test_the_newest_rows_say_how_old_a_table_is(home, found):
    fill(home, seen=900)
    assert kinds(found(LAST + timedelta(days=3))) == {("freshness", "events")}
    # nobody says which day it is for a demo
    assert found(None).troubles == []


def test_a_day_that_has_not_come_is_missing_where_days_come_promptly(home, found):
    fill(home)
    (trouble,) = found(LAST + timedelta(days=2)).troubles
    assert (trouble.kind, trouble.subject) == ("volume", "events")
    assert "2020-05-01 has none, usually about 100" in trouble.words
    fill(home, seen=900)
    assert found(LAST + timedelta(days=2)).troubles == []


def test_a_thin_day_and_a_hole_are_found_in_the_warehouse(home, found):
    fill(home, thin=LAST)
    assert kinds(found()) == {("volume", "events")}
    fill(home)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(
            "insert into control.control__holes values "
            "('ecommerce', 'events', '2020-04-20', null), "
            "('ecommerce', 'events', '2020-04-21', 'outage')"
        )
    (trouble,) = found().troubles
    assert "2020-04-20" in trouble.words and "2020-04-21" not in trouble.words


def test_a_brand_that_stops_coming_is_found(home, found):
    fill(home, gone="acme")
    # the day is not thin: another brand sells more
    (trouble,) = found(rules=replace_rules(volume_share=0.1)).troubles
    assert trouble.subject == "events.brand=acme"


def replace_rules(**changes):
    return RULES.model_copy(update=changes)


@pytest.mark.parametrize(
    ("vanishing", "words"),
    [
        ({"event": ("brand",)}, "no table 'event'"),
        ({"events": ("brnd",)}, "no column 'brnd'"),
        ({"events": ("user_id",)}, "no column 'user_id'"),  # values of an id are customers
    ],
)
def test_a_value_to_watch_that_is_not_there_is_said(home, vanishing, words):
    fill(home)
    night = Night(command="nightly", began_at=datetime.now(UTC), outcome="published")
    domain = AlertDomain(SHOP, AlertRules(vanishing=vanishing), LAST)
    judged = judge(home, night, [domain], [], NOW)
    (problem,) = judged.problems
    assert words in problem
    assert (SHOP, "vanished") not in judged.kinds


def test_values_of_the_project_s_own_entries_are_columns_of_their_tables():
    for name, entry in domain_entries().items():
        tables = {table.name: table for table in source_tables(name)}
        assert entry.alerts.vanishing, name
        for table, columns in entry.alerts.vanishing.items():
            known = {one.name for one in tables[table].columns if not one.is_id}
            assert set(columns) <= known


def record(home, name, rows, ignored=(), at="2020-05-01T03:00:00"):
    """Put a file's record into the lake."""
    made = Record(
        raw_file=name,
        logical_name=name,
        content_hash=f"{name}{rows}",
        source_fingerprint="",
        rows=rows,
        quarantined=0,
        reasons=[],
        ignored_columns=list(ignored),
        absent_columns=[],
        ingested_at=at,
        seen=[],
    )
    folder = home.lake / SHOP / "events" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "_file.json").write_text(json.dumps(asdict(made)))
    return made


def read(before, *reports, overlaps=()):
    summary = IngestSummary(SHOP, "real", reports, (), (), (), tuple(overlaps), (), None)
    return FilesBefore({"events": {one.logical_name: one for one in before}}, summary)


def report(name, status="ingested", ignored=()):
    return FileReport(name, "events", status, ignored_columns=tuple(ignored))


def test_a_file_that_came_again_with_far_fewer_rows_is_open_until_they_are_back(home, found):
    fill(home)
    was = record(home, "may.csv", 1_000)
    record(home, "may.csv", 300)
    judged = found(files=read([was], report("may.csv", "replaced")))
    (trouble,) = judged.troubles
    assert trouble.subject == "events/may.csv"
    assert trouble.words == (
        "may.csv came again with 300 rows; it had 1,000 before, which it replaces."
    )
    standing = [as_alert(trouble, NOW)]
    # the next night reads nothing, or nothing else
    assert kinds(found(standing=standing)) == {("shrunken", "events/may.csv")}
    assert kinds(found(standing=standing, files=read([replace(was, rows=300)]))) == {
        ("shrunken", "events/may.csv")
    }
    late = [replace(standing[0], since=NOW - REMEMBERED)]
    assert found(standing=late).troubles == []
    record(home, "may.csv", 990)
    assert found(standing=standing).troubles == []


def test_a_column_is_new_where_no_file_had_it_and_until_files_lack_it_again(home, found):
    fill(home)
    was = record(home, "april.csv", 9, ["note"], at="2020-04-01")
    record(home, "may.csv", 9, ["note", "points"])
    files = read([was], report("may.csv", ignored=["note", "points"]))
    (trouble,) = found(files=files).troubles
    assert trouble.subject == "events.points"
    assert trouble.words == (
        "may.csv has a column points, which no file of events had; it is not read."
    )
    standing = [as_alert(trouble, NOW)]
    assert kinds(found(standing=standing)) == {("new_column", "events.points")}
    record(home, "june.csv", 9, ["note"], at="2020-06-01")
    assert found(standing=standing).troubles == []
    # files of a first load are not compared with each other, and the rule can be off
    assert found(files=read([], report("may.csv", ignored=["points"]))).troubles == []
    assert found(files=files, rules=replace_rules(new_columns=False)).troubles == []


def test_rows_in_two_files_are_open_while_both_are_there(home, found):
    fill(home)
    pair = Overlap("may.csv", "again.csv", "2020-05-01", "2020-05-01", 7)
    old = Overlap("v1.csv", "v2.csv", "2019-05-01", "2019-05-01", 7)
    files = read([], report("again.csv"), overlaps=[pair, old])
    (trouble,) = found(files=files).troubles
    assert trouble.subject == "may.csv + again.csv"
    standing = [as_alert(trouble, NOW)]
    assert kinds(found(standing=standing, files=read([], overlaps=[pair]))) == kinds(
        found(files=files)
    )
    assert found(standing=standing, files=read([])).troubles == []
    nothing_read = found(standing=standing)
    assert (SHOP, "doubled") not in nothing_read.kinds


def test_a_warehouse_that_does_not_hold_the_night_s_rows_judges_nothing(home, found):
    fill(home, thin=LAST)
    judged = found(LAST + timedelta(days=9), built=False)
    assert judged.troubles == []
    assert not {kind for _, kind in judged.kinds} & {"volume", "freshness", "vanished"}


def test_a_night_that_failed_is_an_alert_whatever_else_cannot_be_read(home):
    night = Night(
        command="nightly",
        began_at=datetime.now(UTC),
        outcome="failed",
        notes=[
            Note(kind="failure", domain=SHOP, what="The file is empty.", where="may.csv: row 7"),
            Note(kind="refusal", domain="kkbox", what="Publishing kkbox is refused: …"),
            Note(kind="warning", domain=SHOP, what="nothing has arrived"),
        ],
    )
    judged = judge(home, night, [AlertDomain(SHOP, RULES, LAST)], [], NOW)
    assert [(one.domain, one.kind, one.words) for one in judged.troubles] == [
        ("kkbox", "refused", "Publishing kkbox is refused: …"),
        (SHOP, "failed", "The file is empty."),
    ]
    assert judged.problems == []
    assert (SHOP, "volume") not in judged.kinds
