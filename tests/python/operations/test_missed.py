"""Which nights did not happen: their rows are in the lake, and no run ended well on their day."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.operations.missed import MOST, missed_nights
from pipeline.project.clock import TODAY
from pipeline.project.domains import domain_entries
from pipeline.project.exit_codes import FAILED, PUBLISHED
from pipeline.runs.context import RunContext
from pipeline.runs.nights import begin_night
from pipeline.runs.registry import CurrentScores, choose_scores

SHOP, OTHER = "ecommerce", "kkbox"


@pytest.fixture
def context(home, console):
    """Scored at 10 March, when the last night was lived."""
    entries = {name: entry.resolved() for name, entry in domain_entries().items()}
    return RunContext(home, (OTHER, SHOP), entries, {}, console)


@pytest.fixture
def scored(context, monkeypatch):
    """`scored(domain, cut_off, last_day)`: what is published, and the last day of the lake."""

    def score(domain, cut_off, last_day):
        choose_scores(context.home, domain, CurrentScores("run", str(cut_off)))
        table = {OTHER: "transactions", SHOP: "events"}[domain]
        folder = context.home.lake / domain / table / "file-1"
        folder.mkdir(parents=True)
        record = {
            **dict.fromkeys(("raw_file", "logical_name", "content_hash", "source_fingerprint"), ""),
            **dict.fromkeys(("rows", "quarantined"), 0),
            **{key: [] for key in ("reasons", "ignored_columns", "absent_columns", "seen")},
            "ingested_at": "",
            "event_span": ["2016-01-01 00:00:00", f"{last_day} 23:00:00"],
        }
        (folder / "_file.json").write_text(json.dumps(record))

    return score


@pytest.fixture
def lived(context, monkeypatch):
    """`lived(day, code)`: a night that ended; the clock then says `today`."""

    def live(day, code=PUBLISHED, command="nightly"):
        monkeypatch.setenv(TODAY, str(day))
        begin_night(context.home, command).end(code)

    return live


def march(day):
    return date(2017, 3, day)


def test_each_night_since_the_last_one_is_missed_but_tonights(context, scored, lived, monkeypatch):
    scored(OTHER, march(10), march(13))
    lived(march(10))
    monkeypatch.setenv(TODAY, "2017-03-14")
    assert missed_nights(context) == [{OTHER: march(day)} for day in (11, 12, 13)]


def test_nothing_is_missed_when_a_night_follows_the_other(context, scored, lived, monkeypatch):
    scored(OTHER, march(10), march(10))
    lived(march(10))
    monkeypatch.setenv(TODAY, "2017-03-11")
    assert missed_nights(context) == []


def test_a_feed_that_comes_once_a_week_misses_nothing(context, scored, lived, monkeypatch):
    scored(OTHER, march(6), march(12))
    for day in range(6, 13):
        lived(march(day))
    monkeypatch.setenv(TODAY, "2017-03-13")
    assert missed_nights(context) == []


def test_a_night_that_failed_or_was_killed_is_missed(context, scored, lived, monkeypatch):
    scored(OTHER, march(10), march(12))
    lived(march(10))
    lived(march(11), FAILED)
    monkeypatch.setenv(TODAY, "2017-03-12")
    begin_night(context.home, "nightly")
    monkeypatch.setenv(TODAY, "2017-03-13")
    assert missed_nights(context) == [{OTHER: march(11)}, {OTHER: march(12)}]


def test_a_publish_by_day_is_not_a_night(context, scored, lived, monkeypatch):
    scored(OTHER, march(10), march(12))
    lived(march(10))
    lived(march(12), command="publish")
    monkeypatch.setenv(TODAY, "2017-03-13")
    assert len(missed_nights(context)) == 2


def test_the_nights_of_all_domains_end_together(context, scored, lived, monkeypatch):
    scored(OTHER, march(10), march(13))
    scored(SHOP, march(12), march(13))
    lived(march(10))
    monkeypatch.setenv(TODAY, "2017-03-14")
    assert missed_nights(context) == [
        {OTHER: march(11)},
        {OTHER: march(12)},
        {OTHER: march(13), SHOP: march(13)},
    ]


def test_of_a_long_break_the_newest_day_alone_is_scored(context, scored, lived, monkeypatch):
    scored(OTHER, march(1), march(2) + timedelta(days=MOST))
    lived(march(1))
    monkeypatch.setenv(TODAY, str(march(3) + timedelta(days=MOST)))
    assert missed_nights(context) == []
    assert "8 nights were missed, more than the 7" in " ".join(
        context.console.export_text().split()
    )


def test_without_published_scores_or_without_a_record_nothing_is_missed(
    context, scored, lived, monkeypatch
):
    scored(OTHER, march(10), march(13))
    monkeypatch.setenv(TODAY, "2017-03-14")
    assert missed_nights(context) == []
    (context.home.models / OTHER / "current_scores.parquet").unlink()
    lived(march(10))
    monkeypatch.setenv(TODAY, "2017-03-14")
    assert missed_nights(context) == []


def test_by_the_clock_the_day_is_that_of_the_place(context, scored, monkeypatch):
    """At 20:00 UTC it is the next day in Taipei, where KKBox counts its days."""
    log = begin_night(context.home, "nightly")
    log.night.began_at = datetime(2017, 3, 10, 20, tzinfo=UTC)
    log.night.day = march(10)
    log.end(PUBLISHED)
    scored(OTHER, march(10), march(11))
    monkeypatch.setenv(TODAY, "2017-03-12")
    assert missed_nights(context) == []
