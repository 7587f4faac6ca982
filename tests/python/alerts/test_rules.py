"""Each rule on a small table: what is wrong is found, and what may happen by chance is not."""

from datetime import date, timedelta

import pytest

from pipeline.alerts.gather import without_values
from pipeline.alerts.rules import (
    DayCount,
    ValueCount,
    is_far_fewer,
    old_tables,
    poor_quality,
    strong_drift,
    thin_days,
    vanished_values,
)
from pipeline.alerts.trouble import KINDS, Trouble
from pipeline.project.alert_settings import AlertRules

SHOP = "shop"
LAST = date(2026, 5, 31)
RULES = AlertRules()


def before(days):
    return LAST - timedelta(days=days)


def words(found):
    (one,) = found
    return one.words


def test_a_table_is_old_on_the_day_after_those_that_are_allowed():
    last = {"events": LAST, "refunds": before(1)}
    found = old_tables(SHOP, last, LAST + timedelta(days=2), RULES)
    assert [one.subject for one in found] == ["refunds"]
    assert found[0].words == ("refunds ends on 2026-05-30, 3 days before today; 2 are allowed.")
    assert old_tables(SHOP, last, LAST + timedelta(days=1), RULES) == []
    weekly = AlertRules(freshness_days=8)
    assert old_tables(SHOP, last, LAST + timedelta(days=7), weekly) == []


@pytest.mark.parametrize(
    ("rows", "expected", "is_so"),
    [
        (400, 850.0, True),
        (430, 850.0, False),  # half of it is there
        (0, 850.0, True),
        (0, 10.0, False),  # a small business has such days
        (0, 14.0, True),
        (10, 21.0, False),  # hardly half, and it happens
        (0, None, False),
    ],
)
def test_few_rows_are_far_fewer_only_where_that_hardly_happens_by_chance(rows, expected, is_so):
    assert is_far_fewer(rows, expected, 0.5) == is_so


def test_thin_days_of_a_table_are_one_alert_that_names_them():
    days = [DayCount("events", before(n), 850, 850.0) for n in range(40)]
    assert thin_days(SHOP, days, RULES) == []
    days[0] = DayCount("events", before(0), 300, 850.0)
    days[2] = DayCount("events", before(2), 0, 840.0)
    found = thin_days(SHOP, [*days, DayCount("refunds", before(0), 9, 9.0)], RULES)
    assert words(found) == (
        "events lacks rows: 2026-05-29 has none, usually about 840; "
        "2026-05-31 has 300, usually about 850."
    )
    # a stricter share, and a day that is not among the newest
    assert thin_days(SHOP, days[:1], AlertRules(volume_share=0.3)) == []
    days[0], days[2] = (
        DayCount("events", before(0), 850, 850.0),
        DayCount("events", before(9), 1, 850.0),
    )
    assert thin_days(SHOP, days, RULES) == []


def test_a_hole_is_reported_for_four_weeks_unless_it_has_a_reason():
    day = DayCount("events", before(20), 0, None, is_hole=True)
    rest = [DayCount("events", LAST, 850, 850.0)]
    assert "2026-05-11 has none" in words(thin_days(SHOP, [*rest, day], RULES))
    explained = day._replace(is_hole=False, is_explained=True)
    assert thin_days(SHOP, [*rest, explained], RULES) == []
    assert thin_days(SHOP, [*rest, day._replace(day=before(28))], RULES) == []
    # a listed outage of today, too
    outage = DayCount("events", LAST, 0, 850.0, is_explained=True)
    assert thin_days(SHOP, [outage], RULES) == []


def test_a_value_vanishes_where_it_was_to_be_expected():
    counts = [
        ValueCount("events", "brand", "acme", 2_800, 0),
        ValueCount("events", "brand", "rare", 90, 0),  # about 10 were to be expected
        ValueCount("events", "brand", "there", 2_800, 1),
        ValueCount("events", "brand", "new", 0, 300),
    ]
    rows = {"events": (28_000, 3_000)}
    found = vanished_values(SHOP, counts, rows, RULES)
    assert [one.subject for one in found] == ["events.brand=acme"]
    assert "about 300 rows were to be expected" in words(found)
    # where hardly any row came, nothing was to be expected of a brand
    assert vanished_values(SHOP, counts, {"events": (28_000, 30)}, RULES) == []
    assert vanished_values(SHOP, counts, {"events": (0, 0)}, RULES) == []


REALISED = {
    "as_of_date": LAST,
    "customers": 900,
    "auc": 0.7,
    "log_loss": 0.4,
    "observed_to_expected": 1.5,
}
INTERVALS = {
    "auc": (0.8, 0.86),
    "log_loss": (0.41, 0.5),
    "observed_to_expected": (0.9, 1.1),
    "ece": (None, None),
}


def test_quality_is_judged_on_the_side_on_which_it_is_worse():
    every = AlertRules(quality=("auc", "log_loss", "observed_to_expected"))
    found = poor_quality(SHOP, REALISED, INTERVALS, every)
    assert [one.subject for one in found] == ["auc", "observed_to_expected"]
    assert found[0].words == (
        "auc of the scores published for 2026-05-31 is 0.700; the back-test gave 0.800 to 0.860."
    )
    better = REALISED | {"auc": 0.9, "observed_to_expected": 0.8, "log_loss": 0.6}
    found = poor_quality(SHOP, better, INTERVALS, every)
    assert [one.subject for one in found] == ["log_loss", "observed_to_expected"]


def test_quality_needs_outcomes_an_interval_and_enough_customers():
    assert poor_quality(SHOP, None, INTERVALS, RULES) == []
    assert poor_quality(SHOP, REALISED, {}, RULES) == []
    assert poor_quality(SHOP, REALISED | {"auc": None}, INTERVALS, RULES) == []
    assert poor_quality(SHOP, REALISED | {"customers": 199}, INTERVALS, RULES) == []
    assert poor_quality(SHOP, REALISED | {"customers": 200}, INTERVALS, RULES)


def test_drift_is_judged_by_its_effect_in_both_directions():
    rows = [
        {"kind": "feature", "subject": "orders__orders", "effect_log_odds": -0.6},
        {"kind": "score", "subject": "", "effect_log_odds": 0.5},
        {"kind": "base_rate", "subject": "", "effect_log_odds": 0.49},
    ]
    found = strong_drift(SHOP, rows, RULES)
    assert [one.subject for one in found] == ["feature orders__orders", "score"]
    assert found[1].words == (
        "The mean score has moved by +0.50 log-odds since the training; 0.5 are allowed."
    )


def test_an_alert_has_the_same_id_on_every_night_and_another_for_anything_else():
    one = Trouble(SHOP, "volume", "events", "today's words")
    assert one.alert_id == Trouble(SHOP, "volume", "events", "other words").alert_id
    others = [
        Trouble("kkbox", "volume", "events", ""),
        Trouble(SHOP, "freshness", "events", ""),
        Trouble(SHOP, "volume", "refunds", ""),
    ]
    assert len({one.alert_id, *(other.alert_id for other in others)}) == 4


def test_every_kind_names_a_page_of_the_viewer_and_a_command():
    from app.viewer.pages import PAGES

    addresses = {page.address for page in PAGES}
    for kind in KINDS:
        trouble = Trouble(SHOP, kind, "", "")
        assert trouble.page in addresses
        assert trouble.command and "{" not in trouble.command


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Publishing shop is refused: the mean risk jumps.",) * 2,
        (
            "shop failed: KeyError: 'customer 4711'",
            "shop failed: KeyError. The record of the night says more.",
        ),
        (
            "ConversionException: Could not convert '4711'\nof 4711",
            "ConversionException. The record of the night says more.",
        ),
    ],
)
def test_what_an_exception_quotes_is_not_in_an_alert(said, told):
    assert without_values(said) == told
