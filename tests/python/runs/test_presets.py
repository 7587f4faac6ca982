"""What a refusal advises has been tried on the data, and works when it is followed."""

import re
import shlex
from itertools import pairwise

import duckdb
import numpy as np
import pytest

from ml.cohorts import Cohort, choose_fits, read_cohorts
from pipeline.project.domains import domain_entries, parse_overrides
from pipeline.runs import presets
from pipeline.runs.context import RunContext
from pipeline.runs.presets import SMALLEST, Refused, advise

DOMAIN = "ecommerce"
ENTRY = domain_entries()[DOMAIN]
FIRST = np.datetime64("2019-10-01")


def warehouse(days):
    connection = duckdb.connect()
    connection.execute("create schema control")
    connection.execute(
        f"create table control.control__event_days as select '{DOMAIN}' as domain, "
        f"unnest(generate_series(date '{FIRST}', date '{FIRST}' + {days - 1}, interval 1 day))"
        "::date as day"
    )
    connection.execute(
        f"create table control.control__knowledge as select '{DOMAIN}' as domain, "
        f"date '{FIRST}' + {days} as known_before"
    )
    return connection


def cohorts_of(settings, days, rows, churners):
    """Cohorts at each cut-off of a grid, of that size in each week or month."""
    known_before = FIRST + days
    horizon = settings.horizon_days
    found = []
    for day in FIRST + np.arange(settings.warm_up_days, days + 1):
        if not presets.is_on_grid(day, settings):
            continue
        days_of_month = settings.grid_days if settings.grid == "month" else (1,)
        place, many = int(str(day)[8:]), len(days_of_month)
        at = days_of_month.index(place) if settings.grid == "month" else 0
        # what does not divide falls to the first days
        own = [size // many + (at < size % many) for size in (rows, churners)]
        found.append(Cohort(day, *own, day + horizon, bool(day + horizon <= known_before)))
    return found


@pytest.fixture
def told(home, console, monkeypatch):
    """What a refusal advises for so many days, customers and churners a cohort."""
    tried = []

    def advice(days, rows=10_000, churners=3_000, pairs=(), sizes=None):
        settings = parse_overrides(list(pairs), ENTRY).resolved()
        entries = domain_entries() | {DOMAIN: settings}
        context = RunContext(home, (DOMAIN,), entries, {}, console)

        def made(candidate):
            return cohorts_of(candidate, days, *(sizes or {}).get(candidate.grid, (rows, churners)))

        def try_out(_, __, candidate):
            tried.append(candidate)
            return made(candidate)

        monkeypatch.setattr(presets, "_tried", try_out)
        monkeypatch.setattr(presets, "read_cohorts", lambda *_: made(settings))
        return advise(context, warehouse(days), Refused(DOMAIN, settings.learned(), FIRST + days))

    advice.tried = tried
    return advice


def followed(words):
    """The settings that the advised command sets."""
    command = next(line for line in words.splitlines() if "churn run" in line)
    arguments = shlex.split(command[command.index("churn run") :])
    pairs = [value for name, value in pairwise(arguments) if name == "--set"]
    return parse_overrides(pairs, ENTRY)


def test_61_days_are_told_the_weekly_preset_and_how_many_cohorts_it_gives(told):
    words = told(61)
    assert "The files hold 61 days." in words
    assert "grid week, horizon_days 14" in words
    assert words.endswith("churn run --domain ecommerce --set preset=short")
    settings = followed(words)
    fits = choose_fits(cohorts_of(settings, 61, 10_000, 3_000), FIRST + 61, settings)
    assert f"cohorts for the first fit: {len(fits.fit)})" in words


def test_the_longest_preset_that_fits_is_named(told):
    assert "preset 'long' fits" in told(500)


def test_a_preset_that_would_be_refused_is_not_named(told):
    # the days allow both presets; the customers of monthly cohorts are too few
    words = told(500, sizes={"month": (300, 100), "week": (800, 300)})
    assert "preset 'short' fits" in words
    assert "long" not in words


def test_a_preset_that_is_set_already_is_not_named(told):
    words = told(500, rows=300, churners=100, pairs=["preset=long"])
    assert [(settings.grid, settings.grid_days) for settings in told.tried] == [
        ("month", (1,)),
        ("week", ENTRY.grid_days),
    ]
    assert not words.endswith("preset=long")


@pytest.mark.parametrize("pairs", [(), ("preset=long",), ("horizon_days=20", "min_orders=1")])
@pytest.mark.parametrize(("rows", "churners"), [(343, 100), (105, 85), (100, 20), (499, 450)])
def test_too_few_customers_are_told_the_minimum_that_accepts_them_and_its_risk(
    told, rows, churners, pairs
):
    words = told(500, rows, churners, pairs)
    settings = followed(words)
    refused = parse_overrides(list(pairs), ENTRY)
    # the run's own settings come along, and only the minimum is lower
    assert replace_minimum(settings) == replace_minimum(refused)
    assert choose_fits(cohorts_of(settings, 500, rows, churners), FIRST + 500, settings)
    assert settings.minimum.rows >= SMALLEST["rows"]
    assert f"has {rows} customers" in words
    error = float(re.search(r"± (\d\.\d\d)", words)[1])
    assert 0.01 < error < 0.3


def replace_minimum(settings):
    return settings.with_changes({"minimum": {"rows": 1, "churners": 1, "cohorts": 1}}).given()


def test_a_lower_minimum_may_need_a_preset_as_well(told):
    words = told(100, sizes={"month": (300, 100), "week": (150, 50)})
    assert "--set preset=short --set 'minimum={rows: 150, churners: 50, cohorts: 1}'" in words


@pytest.mark.parametrize(("rows", "churners"), [(99, 50), (500, 500), (500, 490), (500, 0)])
def test_a_size_that_says_nothing_is_told_the_smallest_that_does(told, rows, churners):
    words = told(500, rows, churners)
    assert "No setting fits these data." in words
    assert "100 customers, 20 who leave and 20 who stay" in words
    assert "minimum={rows: 100, churners: 20, stayers: 20, cohorts: 1}" in words
    assert "churn run" not in words


def test_too_short_for_any_preset_says_what_is_needed(told):
    words = told(1)
    needed = int(words.split()[-1].rstrip("."))
    assert "The files hold 1 day;" in words
    assert "fits" in told(needed)
    assert "needs" in told(needed - 1)


def test_without_data_nothing_is_said(home, console):
    empty = warehouse(61)
    empty.execute("delete from control.control__event_days")
    context = RunContext(home, (DOMAIN,), domain_entries(), {}, console)
    assert advise(context, empty, Refused(DOMAIN, ENTRY, FIRST + 61)) == ""


def test_the_day_that_was_asked_for_stays_in_the_command():
    refused = Refused(DOMAIN, ENTRY, FIRST, "2019-12-01")
    assert refused.command("preset=short") == (
        "churn run --domain ecommerce --as-of 2019-12-01 --set preset=short"
    )


def test_a_preset_is_set_by_name_and_single_keys_after_it_win():
    settings = parse_overrides(["preset=short", "horizon_days=10"], ENTRY)
    assert settings.grid == "week"
    assert settings.horizon_days == 10


@pytest.mark.slow
def test_labels_that_are_tried_are_those_of_a_build(demo_copy, console):
    entries = {name: entry.resolved() for name, entry in domain_entries().items()}
    context = RunContext(demo_copy, (DOMAIN,), entries, {}, console)
    with duckdb.connect(str(demo_copy.warehouse), read_only=True) as connection:
        built = read_cohorts(connection, DOMAIN)
    refused = Refused(DOMAIN, entries[DOMAIN], built[-1].as_of_date)
    tried = presets._tried(context, refused, entries[DOMAIN])
    assert len(built) > 10
    # the scored day beside the grid is a cut-off of the run
    assert [c for c in built if c.is_closed] == [c for c in tried if c.is_closed]
    assert not any(demo_copy.work.glob("advise_*"))
