from datetime import date, timedelta

import numpy as np
import pytest

from ml.cohorts import Cohort, RefusedError, choose_fits, is_on_grid, known_by
from ml.settings import Alarms, LearningSettings, Minimum, RiskBands

SETTINGS = LearningSettings(
    label_definition="churned",
    grid="month",
    minimum=Minimum(rows=500, churners=50, cohorts=3),
    alarms=Alarms(single_feature_auc=0.97),
    baselines={},
    risk_bands=RiskBands(critical=0.5, high=0.2, medium=0.05, because="a test"),
)


def cohort(day: str, *, rows=1000, churners=100, closed=True, known_after=60) -> Cohort:
    known = date.fromisoformat(day) + timedelta(days=known_after)
    return Cohort(np.datetime64(day), rows, churners, np.datetime64(known), closed)


def months(first: int, last: int, **kwargs) -> list[Cohort]:
    return [
        cohort(f"{2015 + m // 12}-{m % 12 + 1:02d}-01", **kwargs) for m in range(first, last + 1)
    ]


def test_every_fit_learns_only_from_outcomes_known_at_its_cut_off():
    cohorts = months(1, 24) + months(25, 27, closed=False)
    fits = choose_fits(cohorts, np.datetime64("2017-04-01"), SETTINGS)
    known = {c.as_of_date: c.known_on for c in cohorts}
    for learned, cut_off in (
        (fits.live, fits.scoring),
        (fits.refit, fits.test),
        (fits.fit, fits.validation),
        *((past.known, past.as_of_date) for past in fits.past),
    ):
        assert learned
        assert max(known[day] for day in learned) <= cut_off
    assert fits.test == fits.live[-1]
    assert fits.validation == fits.refit[-1]
    assert [past.as_of_date for past in fits.past] == fits.refit[::-1][:6]


def test_an_open_cohort_is_never_known():
    assert known_by([cohort("2016-01-01", closed=False)], np.datetime64("2020-01-01")) == []


def test_a_cohort_is_known_on_the_day_its_last_outcome_is_observed():
    one = cohort("2016-01-01", known_after=60)
    assert known_by([one], one.known_on) == [one]
    assert known_by([one], one.known_on - 1) == []


def test_cut_offs_beside_the_grid_are_neither_test_nor_training():
    cohorts = [*months(1, 24), cohort("2017-01-15", known_after=20)]
    fits = choose_fits(cohorts, np.datetime64("2017-04-01"), SETTINGS)
    assert np.datetime64("2017-01-15") not in [fits.test, *fits.live]


def spread(first: int, last: int, days=(1, 16), **kwargs) -> list[Cohort]:
    """Cohorts on several days of each month, from month `first` of 2015 to `last`."""
    return [
        cohort(f"{2015 + m // 12}-{m % 12 + 1:02d}-{day:02d}", **kwargs)
        for m in range(first, last + 1)
        for day in days
    ]


@pytest.mark.parametrize(
    ("day", "grid", "days", "expected"),
    [
        ("2016-02-01", "month", (1,), True),
        ("2016-02-16", "month", (1,), False),
        ("2016-02-16", "month", (1, 16), True),
        ("2016-02-02", "month", (1, 16), False),
        ("2016-02-01", "week", (1,), True),  # a Monday
        ("2016-02-02", "week", (2,), False),  # a week has no days of the month
    ],
)
def test_grids_are_days_of_the_month_and_mondays(day, grid, days, expected):
    settings = SETTINGS.model_copy(update={"grid": grid, "grid_days": days})
    assert is_on_grid(np.datetime64(day), settings) is expected


SPREAD = SETTINGS.model_copy(update={"grid_days": (1, 16)})


def test_the_test_is_every_cut_off_of_the_latest_month_that_is_closed():
    cohorts = spread(1, 24)
    # the last month's first cohort is closed, its second one is not
    fits = choose_fits(cohorts, cohorts[-2].known_on, SPREAD)
    assert cohorts[-2].as_of_date in fits.live
    assert list(map(str, fits.tests)) == ["2016-12-01", "2016-12-16"]
    assert list(map(str, fits.validations)) == ["2016-09-01", "2016-09-16"]
    known = {c.as_of_date: c.known_on for c in cohorts}
    assert max(known[day] for day in fits.refit) <= fits.tests[0]
    assert max(known[day] for day in fits.fit) <= fits.validations[0]
    for past in fits.past:
        assert len(past.cut_offs) == 2
        assert max(known[day] for day in past.known) <= past.cut_offs[0]
        assert past.known_on == max(known[day] for day in past.cut_offs) <= fits.tests[0]


def test_a_month_that_is_not_over_is_no_test_however_early_its_cohorts_close():
    """The 24th is still to come: with outcomes known after two days the 8th is closed already."""
    settings = SETTINGS.model_copy(update={"grid_days": (1, 8, 24)})
    cohorts = spread(1, 11, (1, 8, 24), known_after=2) + spread(12, 12, (1, 8), known_after=2)
    fits = choose_fits(cohorts, np.datetime64("2016-01-12"), settings)
    assert list(map(str, fits.tests)) == ["2015-12-01", "2015-12-08", "2015-12-24"]
    assert str(fits.live[-1]) == "2016-01-08"


def test_a_week_is_a_period_of_its_own():
    settings = SETTINGS.model_copy(update={"grid": "week"})
    days = np.datetime64("2016-01-04") + 7 * np.arange(20)
    cohorts = [cohort(str(day), known_after=14) for day in days]
    fits = choose_fits(cohorts, cohorts[-1].known_on, settings)
    assert fits.tests == [days[-1]]
    assert fits.validations == [days[-3]]


@pytest.mark.parametrize(
    ("cohorts", "words"),
    [
        ([], "no cohort is closed"),
        (months(1, 1), "no earlier cohort"),
        (months(1, 5), "cohorts where 3 are needed"),
        (months(1, 24, rows=10, churners=5), "rows where 500 are needed"),
        (months(1, 24, churners=2), "churners where 50 are needed"),
        (months(1, 24, churners=1000), "0 stayers where 50 are needed"),
        (months(1, 23) + months(24, 24, churners=1000), "test cohort: 0 stayers"),
        (months(1, 22) + months(23, 23, churners=960), "test cohort: 40 stayers"),
        (months(1, 20) + months(21, 21, churners=990) + months(22, 23), "validation cohort: 10"),
    ],
)
def test_too_little_data_is_refused_with_the_figures(cohorts, words):
    with pytest.raises(RefusedError, match=words):
        choose_fits(cohorts, np.datetime64("2017-04-01"), SETTINGS)


@pytest.mark.parametrize("churners", [0, 20, 980, 1000])
def test_a_past_cohort_with_one_outcome_alone_judges_no_calibration(churners):
    odd = cohort("2016-05-01", churners=churners)
    cohorts = [odd if c.as_of_date == odd.as_of_date else c for c in months(1, 24)]
    past = choose_fits(cohorts, np.datetime64("2017-04-01"), SETTINGS).past
    assert len(past) >= 2
    assert min(p.as_of_date for p in past) > odd.as_of_date


def test_stayers_have_a_minimum_of_their_own():
    few = months(1, 24, churners=970)
    with pytest.raises(RefusedError, match="30 stayers where 50"):
        choose_fits(few, np.datetime64("2017-04-01"), SETTINGS)
    minimum = Minimum(rows=500, churners=50, stayers=30, cohorts=3)
    settings = SETTINGS.model_copy(update={"minimum": minimum})
    assert choose_fits(few, np.datetime64("2017-04-01"), settings).past


def test_a_month_of_which_a_part_is_closed_is_refused_with_the_day_it_closes():
    cohorts = spread(24, 24)
    with pytest.raises(RefusedError, match=r"no month is over and closed .* known on 2017-03-17"):
        choose_fits(cohorts, cohorts[0].known_on, SPREAD)
