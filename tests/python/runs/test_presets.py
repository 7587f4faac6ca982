"""The command a refusal prints must be one that fits."""

import duckdb
import numpy as np

from ml.cohorts import Cohort, choose_fits
from pipeline.project.domains import domain_entries, parse_overrides
from pipeline.runs.presets import suggest_preset

ENTRY = domain_entries()["ecommerce"]


def warehouse(days):
    connection = duckdb.connect()
    connection.execute("create schema control")
    connection.execute(
        "create table control.control__event_days as select 'shop' as domain, "
        "unnest(generate_series(date '2019-10-01', "
        f"date '2019-10-01' + {days - 1}, interval 1 day))::date as day"
    )
    connection.execute(
        "create table control.control__knowledge as select 'shop' as domain, "
        f"date '2019-10-01' + {days} as known_before"
    )
    return connection


def test_61_days_are_told_the_weekly_preset_and_how_many_cohorts_it_gives():
    words = suggest_preset(warehouse(61), "shop", ENTRY)
    assert "The files hold 61 days." in words
    assert "grid week, horizon_days 14" in words
    assert words.endswith("churn run --domain shop --set preset=short")
    settings = parse_overrides([words.split()[-1]], ENTRY)
    mondays = [np.datetime64("2019-10-07") + 7 * week for week in range(9)]
    known_before = np.datetime64("2019-12-01")
    cohorts = [
        Cohort(day, 10_000, 1_000, day + 14, bool(day + 14 <= known_before))
        for day in mondays
        if day >= np.datetime64("2019-10-01") + settings.warm_up_days
    ]
    fits = choose_fits(cohorts, known_before, settings)
    assert f"cohorts for the first fit: {len(fits.fit)})" in words


def test_the_longest_preset_that_fits_is_named():
    assert "preset 'long' fits" in suggest_preset(warehouse(500), "shop", ENTRY)


def test_too_short_for_any_preset_says_what_is_needed():
    words = suggest_preset(warehouse(1), "shop", ENTRY)
    needed = int(words.split()[-1].rstrip("."))
    assert "The files hold 1 day;" in words
    assert "fits" in suggest_preset(warehouse(needed), "shop", ENTRY)
    assert "needs" in suggest_preset(warehouse(needed - 1), "shop", ENTRY)


def test_a_domain_without_presets_or_data_says_nothing():
    assert suggest_preset(warehouse(61), "shop", domain_entries()["kkbox"]) == ""
    empty = warehouse(61)
    empty.execute("delete from control.control__event_days")
    assert suggest_preset(empty, "shop", ENTRY) == ""


def test_a_preset_is_set_by_name_and_single_keys_after_it_win():
    settings = parse_overrides(["preset=short", "horizon_days=10"], ENTRY)
    assert settings.grid == "week"
    assert settings.horizon_days == 10
