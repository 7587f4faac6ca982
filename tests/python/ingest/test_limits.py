"""A file of bad rows is refused, and does not take the place of the good one of its name."""

import json
from dataclasses import replace

import duckdb
import pytest

from pipeline.ingest import ingest, render
from pipeline.project.errors import ChurnError
from pipeline.project.sources import source_tables

HEADER = "event_time,event_type,user_id"


def text(good, bad):
    rows = [f"2019-10-{1 + n % 28:02} 10:00:00 UTC,view,u{n}" for n in range(good)]
    rows += [f"2019-10-01 10:00:00 UTC,look,u{n}" for n in range(bad)]
    return "\n".join([HEADER, *rows]) + "\n"


@pytest.fixture
def take(raw_dir, home, console):
    """Write one file of so many good and bad rows, and ingest it alone."""

    def written(good, bad, name="e.csv", **options):
        for other in raw_dir.iterdir():
            other.unlink()
        (raw_dir / name).write_text(text(good, bad))
        return ingest("ecommerce", raw_dir, home, console=console, **options)

    return written


def rows(home):
    found = f"read_parquet('{home.lake}/ecommerce/events/**/*.parquet')"
    return duckdb.sql(f"select count(*) from {found}").fetchone()[0]


def test_a_bad_file_under_a_known_name_leaves_the_good_one(take, home):
    take(1_000, 0)
    with pytest.raises(ChurnError) as refused:
        take(1, 999)
    assert rows(home) == 1_000
    assert refused.value.what == (
        "999 of 1,000 rows would go to quarantine, 99.9%: more than the 5.0% that events may have"
        " (usual: 0.0%)."
    )
    assert "event_type not one of view, cart" in refused.value.where
    assert '--accept "why"' in refused.value.hint
    assert not list(home.quarantine.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("good", "bad", "is_taken"), [(190, 10, True), (189, 10, False), (3, 9, True), (950, 50, True)]
)
def test_the_first_file_is_held_against_the_tables_limit(good, bad, is_taken, take):
    if is_taken:
        assert take(good, bad).files[0].quarantined == bad
    else:
        with pytest.raises(ChurnError, match=r"5.0% that events may have .its first file."):
            take(good, bad)


def test_three_times_the_usual_share_is_far_above_it(take):
    take(960, 40, "a.csv")
    assert take(890, 110, "b.csv").files[0].quarantined == 110  # usual 4 %, limit 12 %
    with pytest.raises(ChurnError, match=r"22.5% that events may have .usual: 7.5%"):
        take(700, 300, "c.csv")


def test_a_limit_is_a_key_of_the_table(take, monkeypatch):
    tables = source_tables("ecommerce")
    wide = tuple(replace(table, most_in_quarantine=0.6) for table in tables)
    monkeypatch.setattr("pipeline.ingest.run.source_tables", lambda _: wide)
    assert take(50, 50).files[0].quarantined == 50
    with pytest.raises(ChurnError, match="accept"):
        take(10, 90)


def test_an_accepted_file_is_taken_with_its_reason_on_record(take, home, console):
    summary = take(10, 90, accept="the rest are test accounts")
    assert (summary.files[0].rows, summary.files[0].quarantined) == (10, 90)
    (record,) = home.lake.glob("ecommerce/events/*/_file.json")
    assert json.loads(record.read_text())["accepted"] == "the rest are test accounts"
    render(summary, console)
    assert "Accepted in spite of its quarantine: e.csv, the rest are test accounts." in (
        console.export_text()
    )


def test_an_accepted_file_stays_accepted_and_makes_no_usual_share(take, monkeypatch):
    take(10, 90, accept="known")
    assert take(10, 90).files[0].status == "unchanged"
    with pytest.raises(ChurnError, match=r"5.0% that events may have .its first file."):
        take(10, 30, "b.csv")
    # the same bytes under other columns are loaded again: the reason still holds
    monkeypatch.setattr("pipeline.project.sources.SourceTable.fingerprint", lambda self: "new")
    summary = take(10, 90)
    assert [(file.status, file.accepted) for file in summary.files] == [("replaced", "known")]


def test_a_reason_that_was_not_needed_is_not_recorded(take):
    assert take(100, 1, accept="just in case").files[0].accepted is None
