"""`python -m benchmarks.days`: quality on each day of a month, by the days that models learn from.

Run it on the home of a demo, or of any run: the examples are built again, by the compiled SQL of
the last build, for the cut-offs of several grids and for 28 days of one month. Each grid's model
learns by the platform's own protocol what was known by the first of these days.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

import duckdb
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from cli.common import console, show_error
from ml.baselines import baseline_predictions
from ml.cohorts import Cohort, RefusedError, choose_fits, read_cohorts
from ml.contract import Examples, Floats, read_examples, season_only, usable_features
from ml.learn import learn_until_test
from ml.mart import read_snapshot_features
from ml.metrics import losses, rank_auc
from ml.train import margin
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.domains import domain_entries
from pipeline.project.duck import quoted
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home, home
from pipeline.runs.lead_time import examples_at
from pipeline.runs.registry import live_settings

# Days of a month that models learn from; the first ones are what the others are compared with.
GRIDS: tuple[tuple[int, ...], ...] = ((1,), (1, 16), (1, 11, 21), (1, 8, 16, 24))
DAYS = 28
LOGISTIC = "logistic"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class DayQuality:
    """Quality of one grid's model on one day of the month.

    Attributes:
        grid: Days of the month that the model learned from.
        as_of_date: The cohort.
        customers: Customers in it.
        log_loss: Mean log loss, nats.
        auc: Area under the ROC curve.
        observed_to_expected: Churners over the sum of the probabilities.
        logistic_log_loss: Log loss of logistic regression that learned from the same cohorts.
    """

    grid: tuple[int, ...]
    as_of_date: date
    customers: int
    log_loss: float
    auc: float
    observed_to_expected: float
    logistic_log_loss: float


def compare(where: Home, domain: str, folder: Path) -> list[DayQuality]:
    """Return the quality of every grid on each day of the latest month that is closed.

    Args:
        where: CHURN_HOME after a run.
        domain: Domain.
        folder: Folder for the examples.

    Raises:
        ChurnError: Nothing is built, or the data are too short for a grid.
    """
    entry = domain_entries()[domain].resolved()
    settings = live_settings(where, domain, entry).with_changes({"grid": "month"})
    with duckdb.connect(str(where.warehouse), read_only=True) as built:
        cohorts = read_cohorts(built, domain)
        snapshot = read_snapshot_features(built, domain)
        row = built.execute(
            "select known_before from control.control__knowledge where domain = ?", [domain]
        ).fetchone()
    if not cohorts or row is None:
        raise ChurnError(f"{domain} has no cohorts.", hint="Run `churn demo` first.")
    first, known_before = cohorts[0].as_of_date, np.datetime64(row[0], "D")
    months = np.arange(
        first.astype("datetime64[M]"), known_before.astype("datetime64[M]") + 1
    ).astype("datetime64[D]")
    days = sorted({day for grid in GRIDS for day in grid})
    files = {}
    for day in days:
        at = [cut_off for cut_off in months + (day - 1) if first <= cut_off <= known_before]
        files[day] = _examples(where, domain, at, folder / f"{day:02}.parquet")
    month = _last_month(cohorts)
    path = _examples(where, domain, list(month + np.arange(DAYS)), folder / "test.parquet")
    with duckdb.connect() as connection:
        _show(connection, domain, [path])
        read = read_examples(connection, domain, since=month, until=month + DAYS)
    test = read.where(~np.isnan(read.is_churned))
    found: list[DayQuality] = []
    for grid in GRIDS:
        with duckdb.connect() as connection:
            _show(connection, domain, [files[day] for day in grid])
            ours = settings.with_changes({"grid_days": grid})
            found += _judge(connection, domain, ours, snapshot, grid, test)
    return found


def _last_month(cohorts: Sequence[Cohort]) -> np.datetime64:
    """Return the first day of the month before that of the newest closed cohort."""
    closed = [cohort.as_of_date for cohort in cohorts if cohort.is_closed]
    if not closed:
        raise ChurnError("No cohort is closed.", hint="Load more data.")
    month = closed[-1].astype("datetime64[M]") - np.timedelta64(1, "M")
    first: np.datetime64 = month.astype("datetime64[D]")
    return first


def _examples(where: Home, domain: str, cut_offs: Sequence[np.datetime64], target: Path) -> Path:
    rows = ", ".join(f"(date '{day}', cast(null as date))" for day in cut_offs)
    with examples_at(
        where, domain, f"select * from (values {rows}) as days (as_of_date, due_from)"
    ) as connection:
        connection.execute(
            f"copy (from {domain}.{domain}__churn_examples) to {quoted(target)} (format parquet)"
        )
    return target


def _show(connection: duckdb.DuckDBPyConnection, domain: str, paths: list[Path]) -> None:
    listed = ", ".join(quoted(path) for path in paths)
    connection.execute(f"create schema if not exists {domain}")
    connection.execute(
        f"create or replace view {domain}.{domain}__churn_examples as from read_parquet([{listed}])"
    )


def _judge(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    settings: DomainSettings,
    snapshot: dict[str, str],
    grid: tuple[int, ...],
    test: Examples,
) -> list[DayQuality]:
    """Learn what was known by the first tested day, as a run would, and test on every day."""
    month = test.as_of_date.min()
    cohorts = read_cohorts(connection, domain)
    there = [c for c in cohorts if c.as_of_date < month.astype("datetime64[M]") + 1]
    closes = max(c.known_on for c in there)
    try:
        fits = choose_fits(there, closes, settings)
    except RefusedError as refusal:
        raise ChurnError(f"The grid {grid} is refused: {refusal}.", hint="Load more data.") from (
            refusal
        )
    everything = read_examples(connection, domain, since=fits.refit[0], until=fits.refit[-1])
    usable, _ = usable_features(everything.features, snapshot, settings.assumed_static)
    examples = everything.keep(usable)
    off = season_only(examples.cohorts(fits.fit))
    examples = examples.keep(tuple(name for name in usable if name not in off))
    learned = learn_until_test(examples, fits)
    train, cohort = examples.cohorts(fits.refit), test.keep(examples.features)
    p = learned.calibration.apply(margin(learned.second, cohort))
    named = {name: how for name, how in settings.baselines.items() if name == LOGISTIC}
    beside = baseline_predictions(named, train, cohort).get(LOGISTIC, np.full(len(cohort), np.nan))
    return [
        _quality(grid, day, cohort.is_churned[at], p[at], beside[at])
        for day in np.unique(cohort.as_of_date)
        for at in [cohort.as_of_date == day]
    ]


def _quality(
    grid: tuple[int, ...], day: np.datetime64, outcome: Floats, p: Floats, beside: Floats
) -> DayQuality:
    return DayQuality(
        grid,
        day.astype(date),
        len(outcome),
        float(losses(outcome, p).mean()),
        rank_auc(p, outcome == 1),
        float(outcome.sum() / p.sum()),
        float(losses(outcome, beside).mean()),
    )


def show(domain: str, found: list[DayQuality], console: Console) -> None:
    """Print a row a day: log loss, AUC and observed / expected of each grid."""
    by_day: dict[date, dict[tuple[int, ...], DayQuality]] = {}
    for one in found:
        by_day.setdefault(one.as_of_date, {})[one.grid] = one
    table = Table(
        title=f"{domain}: log loss, AUC, observed / expected by the days learned from",
        title_justify="left",
    )
    for title in ("cohort", "customers", *(", ".join(map(str, grid)) for grid in GRIDS)):
        table.add_column(title, justify="right", no_wrap=True)
    for day, of_grid in sorted(by_day.items()):
        cells = [
            f"{one.log_loss:.4f} {one.auc:.3f} {one.observed_to_expected:.2f}"
            for one in (of_grid[grid] for grid in GRIDS)
        ]
        table.add_row(str(day), f"{of_grid[GRIDS[0]].customers:,}", *cells)
    mean = [np.mean([one.log_loss for one in found if one.grid == grid]) for grid in GRIDS]
    logistic = [
        np.mean([one.logistic_log_loss for one in found if one.grid == grid]) for grid in GRIDS
    ]
    table.add_section()
    table.add_row("mean", "", *(f"{value:.4f}" for value in mean))
    table.add_row("mean, logistic", "", *(f"{value:.4f}" for value in logistic))
    console.print(table)


@app.command()
def days(
    domain: Annotated[str | None, typer.Option(help="One domain; all by default.")] = None,
) -> None:
    """Compare grids on 28 days of the latest month that is closed."""
    for name in [domain] if domain else domain_entries():
        with tempfile.TemporaryDirectory() as folder:
            show(name, compare(home(), name, Path(folder)), console)


def main() -> None:
    """Run the command; a ChurnError becomes a message and an exit code."""
    try:
        app()
    except ChurnError as error:
        show_error(error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
