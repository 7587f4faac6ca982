from datetime import date, timedelta

import numpy as np
import pytest

from ml.cohorts import Cohort, RefusedError, choose_fits, is_on_grid, known_by
from ml.settings import Alarms, LearningSettings, Minimum

SETTINGS = LearningSettings(
    label_definition="churned",
    grid="month",
    minimum=Minimum(rows=500, churners=50, cohorts=3),
    alarms=Alarms(single_feature_auc=0.97),
    baselines={},
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


@pytest.mark.parametrize(
    ("day", "grid", "expected"),
    [
        ("2016-02-01", "month", True),
        ("2016-02-02", "month", False),
        ("2016-02-01", "week", True),  # a Monday
        ("2016-02-02", "week", False),
    ],
)
def test_grids_are_month_starts_and_mondays(day, grid, expected):
    assert is_on_grid(np.datetime64(day), grid) is expected


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
