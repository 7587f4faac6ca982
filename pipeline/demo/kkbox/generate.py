"""Demo raw files of KKBox: what `churn demo` starts from."""

import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from pipeline.demo.kkbox import writing
from pipeline.demo.kkbox.days import APRIL_2017, LAST_DAY, MONTH_START, WRITTEN_MONTHS, Whole
from pipeline.demo.kkbox.labels import train_table
from pipeline.demo.kkbox.listening import Listening, LogRows
from pipeline.demo.kkbox.membership import Cohort, Memberships
from pipeline.demo.kkbox.population import Population, populate
from pipeline.demo.kkbox.profiles import members_table
from pipeline.errors import ChurnError

VERSION = 1  # raise it with every change of what is written
FEBRUARY_2017, MARCH_2017 = 25, 26


@dataclass(frozen=True)
class DemoSummary:
    """What lies in the raw folder now."""

    raw_dir: Path
    truth_path: Path
    members: int
    seed: int
    is_new: bool
    seconds: float
    rows: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Simulation:
    """Everything that was drawn; the raw files show a part of it."""

    people: Population
    cohorts: list[Cohort]
    transactions: dict[str, Whole]


def simulate(
    members: int, seed: int, keep_logs: Callable[[Population, int, LogRows], None] | None = None
) -> Simulation:
    """Simulate 2015-01 … 2017-04.

    Args:
        members: Number of people who ever subscribe.
        seed: Fixes every draw.
        keep_logs: Called with the members, the month number and the log rows of each month.
    """
    sources = [
        np.random.default_rng(child) for child in np.random.SeedSequence([seed, members]).spawn(3)
    ]
    people = populate(sources[0], members)
    memberships = Memberships(people, sources[1])
    listening = Listening(people, sources[2])
    for month in range(APRIL_2017 + 1):
        covered = memberships.run_month(month, *listening.active_days())
        if month < WRITTEN_MONTHS:
            logs = listening.run_month(month, covered)
            if keep_logs is not None:
                keep_logs(people, month, logs)
    return Simulation(people, memberships.cohorts, memberships.transactions())


def generate_kkbox(
    raw_dir: Path,
    truth_path: Path,
    *,
    members: int = 20_000,
    seed: int = 20170401,
    console: Console | None = None,
) -> DemoSummary:
    """Write KKBox's raw files as a known process would have made them.

    Every lapse is drawn with a known probability, so the best log loss any model can reach is
    known too. The probabilities go to `truth_path`, outside the raw folder; nothing reads them
    but the stated ceiling. The same members and seed give the same bytes. A folder that holds
    the same demo already is left as it is.

    Args:
        raw_dir: Folder for the csv files; created, or replaced if it holds another demo.
        truth_path: Parquet file for customer_id, as_of_date, churn_probability.
        members: Number of people who ever subscribe, at least 500.
        seed: Fixes every draw.
        console: Where progress is shown.

    Raises:
        ChurnError: The folder holds files that are no demo, or too few members are asked for.
    """
    began = time.monotonic()
    stamp = writing.stamp_of(members, seed, VERSION)
    if writing.is_written(raw_dir, truth_path, stamp):
        if console is not None:
            console.print(f"Demo files are already in {raw_dir}.")
        return DemoSummary(raw_dir, truth_path, members, seed, False, time.monotonic() - began)
    _refuse(raw_dir, truth_path, members)

    raw_dir.parent.mkdir(parents=True, exist_ok=True)
    part = raw_dir.with_name(f".{raw_dir.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        rows = _write(part, truth_path, members, seed, stamp, console)
        _swap(part, raw_dir)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return DemoSummary(raw_dir, truth_path, members, seed, True, time.monotonic() - began, rows)


def _refuse(raw_dir: Path, truth_path: Path, members: int) -> None:
    if members < 500:
        raise ChurnError(
            f"{members} members are too few for a demo.",
            hint="Ask for 500 or more; 20,000 is the size the documentation speaks of.",
        )
    if raw_dir.is_dir() and any(raw_dir.iterdir()) and not (raw_dir / writing.MARKER).is_file():
        raise ChurnError(
            "The folder holds files that are no demo; they are left alone.",
            where=str(raw_dir),
            hint="Name another folder, or set CHURN_HOME to a new one.",
        )
    if truth_path.resolve().is_relative_to(raw_dir.resolve()):
        raise ChurnError(
            "The truth must not lie among the raw files.",
            where=str(truth_path),
            hint="Name a path outside the raw folder.",
        )


def _write(
    folder: Path,
    truth_path: Path,
    members: int,
    seed: int,
    stamp: bytes,
    console: Console | None,
) -> dict[str, int]:
    """Simulate and write everything; return the rows of each file."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, members, 1]))
    with (
        closing(writing.RawFiles(folder)) as files,
        Progress(console=console, transient=True, disable=console is None) as progress,
    ):
        task = progress.add_task("Demo listening and memberships", total=WRITTEN_MONTHS + 1)

        def keep_logs(people: Population, month: int, logs: LogRows) -> None:
            name = "user_logs.csv" if month < MARCH_2017 else "user_logs_v2.csv"
            files.write_logs(name, people, logs)
            progress.advance(task)

        simulation = simulate(members, seed, keep_logs)
        people, cohorts = simulation.people, simulation.cohorts
        files.write_transactions(people, simulation.transactions, rng)
        by_start = {cohort.starts_on: cohort for cohort in cohorts}
        for name, month in (("train.csv", FEBRUARY_2017), ("train_v2.csv", MARCH_2017)):
            cohort = by_start[int(MONTH_START[month])]
            files.write(name, train_table(people, cohort, simulation.transactions, rng))
        lapsed = writing.lapsed_last(people, [c for c in cohorts if c.starts_on <= LAST_DAY])
        files.write("members_v3.csv", members_table(people, lapsed, rng))
    (folder / writing.MARKER).write_bytes(stamp)
    writing.write_truth(truth_path, people, cohorts, stamp)
    return files.rows


def _swap(part: Path, raw_dir: Path) -> None:
    """Put the new folder where the old one was."""
    old = raw_dir.with_name(f".{raw_dir.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if raw_dir.exists():
        raw_dir.rename(old)
    part.rename(raw_dir)
    shutil.rmtree(old, ignore_errors=True)
