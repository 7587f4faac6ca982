"""Chooses the cohorts that each fit may learn from: the embargo, and the three fits of a run."""

from dataclasses import dataclass
from typing import Literal, Protocol

import duckdb
import numpy as np

from ml.contacted import SCHEMA, TABLE, has_contacted
from ml.settings import LearningSettings, Minimum

MOST_PAST = 6
# What a calibration map needs of a past cohort, and of those its model learned from.
_OUTCOMES = ("churners", "stayers")


class RefusedError(Exception):
    """Training is refused because the data do not allow an honest test; the message says why."""


class TooLittleDataError(RefusedError):
    """There are too few cohorts or customers; other settings may need fewer."""


@dataclass(frozen=True)
class Cohort:
    """One cut-off of the mart.

    Attributes:
        as_of_date: The cut-off.
        rows: Customers in the cohort.
        churners: Churners; 0 while the cohort is open.
        known_on: First day on which every outcome of the cohort is observed.
        is_closed: Whether its outcomes are known.
        left_out: Customers of it who count in neither number, since a contact may have changed what
            they did.
    """

    as_of_date: np.datetime64
    rows: int
    churners: int
    known_on: np.datetime64
    is_closed: bool
    left_out: int = 0

    @property
    def stayers(self) -> int:
        """Customers who stay; 0 while the cohort is open."""
        return self.rows - self.churners if self.is_closed else 0


@dataclass(frozen=True)
class PastCohort:
    """The cohorts of a past period, and those that a model tested on them learns from.

    Attributes:
        as_of_date: First cut-off of the period.
        known_on: First day on which all of them were known.
        known: Cut-offs of the cohorts known by `as_of_date`.
        later: The other cut-offs of the period.
    """

    as_of_date: np.datetime64
    known_on: np.datetime64
    known: tuple[np.datetime64, ...]
    later: tuple[np.datetime64, ...] = ()

    @property
    def cut_offs(self) -> list[np.datetime64]:
        """All cut-offs of the period."""
        return [self.as_of_date, *self.later]


@dataclass(frozen=True)
class Fits:
    """Cut-offs of a run, and the cohorts each fit learns from.

    A model used at a cut-off learns only from cohorts whose every outcome was known by then. Tests
    and choices are made on whole periods of the grid: all cut-offs of a month, or one Monday.

    Attributes:
        scoring: Cut-off that is scored; `live` are the cohorts known by it, on `known_on` at the
            latest.
        test: First cut-off of the latest period that is over and closed; `refit` are the cohorts
            known by it.
        validation: First cut-off of the latest period known by `test`; `fit` are the cohorts known
            by it.
        past: Validation and up to five periods before it, newest first: what calibration maps are
            fitted and judged on. Shorter where the data do not reach back so far.
        later_tests: The other cut-offs of the test's period.
        later_validations: The other cut-offs of the validation's period.
    """

    scoring: np.datetime64
    known_on: np.datetime64
    test: np.datetime64
    validation: np.datetime64
    live: list[np.datetime64]
    refit: list[np.datetime64]
    fit: list[np.datetime64]
    past: tuple[PastCohort, ...] = ()
    later_tests: tuple[np.datetime64, ...] = ()
    later_validations: tuple[np.datetime64, ...] = ()

    @property
    def tests(self) -> list[np.datetime64]:
        """All cut-offs of the test's period."""
        return [self.test, *self.later_tests]

    @property
    def validations(self) -> list[np.datetime64]:
        """All cut-offs of the validation's period."""
        return [self.validation, *self.later_validations]


def read_cohorts(connection: duckdb.DuckDBPyConnection, domain: str) -> list[Cohort]:
    """Read the cohorts of the mart, oldest first; contacted customers count in none."""
    contacted = (
        f"select customer_id, as_of_date from {SCHEMA}.{TABLE} "
        f"where domain = '{domain}' and is_contacted"
        if has_contacted(connection)
        else "select cast(null as varchar) as customer_id, cast(null as date) as as_of_date "
        "where false"
    )
    rows = connection.execute(
        f"""
        select
            examples.as_of_date,
            count(*) filter (where contacted.customer_id is null),
            count(*) filter (where examples.is_churned and contacted.customer_id is null),
            max(examples.label_known_on),
            count(examples.is_churned) > 0,
            count(contacted.customer_id)
        from {domain}.{domain}__churn_examples as examples
        left join ({contacted}) as contacted using (customer_id, as_of_date)
        group by examples.as_of_date
        order by examples.as_of_date
        """
    ).fetchall()
    return [
        Cohort(np.datetime64(day, "D"), count, churners, np.datetime64(known, "D"), closed, out)
        for day, count, churners, known, closed, out in rows
    ]


def known_by(cohorts: list[Cohort], cut_off: np.datetime64) -> list[Cohort]:
    """Return the closed cohorts whose every outcome is known at a cut-off: the embargo."""
    return [cohort for cohort in cohorts if cohort.is_closed and cohort.known_on <= cut_off]


class Grid(Protocol):
    """A calendar rule: the days of `grid_days` of a month, or the Mondays of each week."""

    @property
    def grid(self) -> Literal["month", "week"]:
        """Its kind."""
        ...

    @property
    def grid_days(self) -> tuple[int, ...]:
        """Days of a month."""
        ...


def is_on_grid(cut_off: np.datetime64, settings: Grid) -> bool:
    """Whether a cut-off lies on the grid.

    `control__cut_offs` lays the grid by the same rule. It is here too because presets are tried on
    data for which nothing was built.
    """
    day = cut_off.astype("datetime64[D]")
    if settings.grid == "month":
        of_month = (day - day.astype("datetime64[M]").astype("datetime64[D]")).astype(int) + 1
        return int(of_month) in settings.grid_days
    return bool((day - np.datetime64("2000-01-03")).astype(int) % 7 == 0)


def periods(cohorts: list[Cohort], settings: LearningSettings) -> list[list[Cohort]]:
    """Return the cohorts by period of the grid, oldest first: those of a month, or of a week."""
    unit = "datetime64[M]" if settings.grid == "month" else "datetime64[D]"
    found: dict[np.datetime64, list[Cohort]] = {}
    for cohort in cohorts:
        found.setdefault(cohort.as_of_date.astype(unit), []).append(cohort)
    return list(found.values())


def whole_periods(
    cohorts: list[Cohort], cut_off: np.datetime64, settings: LearningSettings
) -> list[list[Cohort]]:
    """Return the periods that are over at a cut-off and whose every outcome is known then.

    Args:
        cohorts: Cohorts of the grid, oldest first.
        cut_off: The cut-off.
        settings: The domain's.
    """
    known = known_by(cohorts, cut_off)
    month = cut_off.astype("datetime64[M]")
    return [
        period
        for period in periods(cohorts, settings)
        if all(cohort in known for cohort in period)
        # of a month that is not over, some cut-offs may be still to come
        and (settings.grid == "week" or period[0].as_of_date.astype("datetime64[M]") < month)
    ]


def with_history(cohorts: list[Cohort], settings: LearningSettings) -> list[Cohort]:
    """Return the cohorts of the grid that have enough history before them.

    In the first cohorts of a record, tenure, counts and gaps are truncated on the left. Cohorts
    within `least_history_days` of the first cut-off are left out, as long as enough remain to
    train, validate and test on.
    """
    grid = [c for c in cohorts if is_on_grid(c.as_of_date, settings)]
    if not grid:
        return grid
    since = grid[0].as_of_date + np.timedelta64(settings.least_history_days, "D")
    kept = [c for c in grid if c.as_of_date >= since]
    closed = len(periods([c for c in kept if c.is_closed], settings))
    return kept if closed >= settings.minimum.cohorts + 4 else grid


def choose_fits(cohorts: list[Cohort], scoring: np.datetime64, settings: LearningSettings) -> Fits:
    """Choose the cut-offs and training cohorts of a run.

    Args:
        cohorts: All cohorts of the mart.
        scoring: Cut-off to score.
        settings: The domain's; the grid, the minimum and the least history are read.

    Raises:
        TooLittleDataError: Too few closed cohorts, rows, churners or stayers, with their numbers.
    """
    minimum = settings.minimum
    grid = with_history(cohorts, settings)
    live = known_by(grid, scoring)
    if not live:
        first = min((str(c.known_on) for c in grid), default="never: there is no cohort")
        raise TooLittleDataError(
            f"no cohort is closed by {scoring}: the first one's outcomes are known on {first}"
        )
    tests = _latest_whole(grid, scoring, settings)
    test = tests[0].as_of_date
    refit = known_by(grid, test)
    if not refit:
        raise TooLittleDataError(
            f"the newest closed {_of_period(tests)}, and no earlier cohort's outcomes "
            f"were known by then: {len(live)} closed cohorts in all, too few for a test cohort "
            "that no model saw"
        )
    validations = _latest_whole(grid, test, settings)
    validation = validations[0].as_of_date
    fit = known_by(grid, validation)
    _check_size(fit, minimum, f"known by the validation cut-off {validation}")
    of_one = minimum.model_copy(update={"cohorts": 1})
    _check_size(validations, of_one, "the validation cohort")
    _check_size(tests, of_one, "the test cohort")

    past: list[PastCohort] = []
    for period in whole_periods(grid, test, settings)[::-1][:MOST_PAST]:
        known = known_by(grid, period[0].as_of_date)
        if _missing(period, minimum, _OUTCOMES) or _missing(known, minimum, _OUTCOMES):
            break
        opens, *later = [c.as_of_date for c in period]
        days = tuple(c.as_of_date for c in known)
        past.append(PastCohort(opens, max(c.known_on for c in period), days, tuple(later)))
    return Fits(
        scoring=scoring,
        known_on=max(c.known_on for c in live),
        test=test,
        validation=validation,
        live=[c.as_of_date for c in live],
        refit=[c.as_of_date for c in refit],
        fit=[c.as_of_date for c in fit],
        past=tuple(past),
        later_tests=tuple(c.as_of_date for c in tests[1:]),
        later_validations=tuple(c.as_of_date for c in validations[1:]),
    )


def _latest_whole(
    grid: list[Cohort], cut_off: np.datetime64, settings: LearningSettings
) -> list[Cohort]:
    whole = whole_periods(grid, cut_off, settings)
    if not whole:
        period = periods(grid, settings)[0]
        raise TooLittleDataError(
            f"no {settings.grid} is over and closed by {cut_off}: the outcomes of the first one's "
            f"{len(period)} cohorts are known on {max(c.known_on for c in period)}"
        )
    return whole[-1]


def _of_period(period: list[Cohort]) -> str:
    if len(period) == 1:
        return f"cohort is {period[0].as_of_date}"
    return f"cohorts are {period[0].as_of_date} to {period[-1].as_of_date}"


def _check_size(cohorts: list[Cohort], minimum: Minimum, what: str) -> None:
    if short := _missing(cohorts, minimum):
        words = f"{what}: {', '.join(short)}"
        if left_out := sum(c.left_out for c in cohorts):
            words += (
                f"; {left_out:,} more are left out, because a contact may have changed what they "
                "did. A larger share held out by the plan leaves more to learn from"
            )
        raise TooLittleDataError(words)


def sizes(cohorts: list[Cohort]) -> dict[str, int]:
    """Return what a minimum counts in cohorts that are learned from or judged together."""
    return {
        "cohorts": len(cohorts),
        "rows": sum(c.rows for c in cohorts),
        "churners": sum(c.churners for c in cohorts),
        "stayers": sum(c.stayers for c in cohorts),
    }


def _missing(
    cohorts: list[Cohort],
    minimum: Minimum,
    keys: tuple[str, ...] = ("cohorts", "rows", "churners", "stayers"),
) -> list[str]:
    """What cohorts have too few of: nothing can be learned or judged with one outcome alone."""
    needed = {
        "cohorts": minimum.cohorts,
        "rows": minimum.rows,
        "churners": minimum.churners,
        "stayers": minimum.churners if minimum.stayers is None else minimum.stayers,
    }
    return [
        f"{have:,} {key} where {needed[key]:,} are needed"
        for key, have in sizes(cohorts).items()
        if key in keys and have < needed[key]
    ]
