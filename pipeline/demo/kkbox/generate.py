"""Generates the demo raw files of KKBox."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from pipeline.demo import folder
from pipeline.demo.arrays import Whole
from pipeline.demo.kkbox import planting, writing
from pipeline.demo.kkbox.days import APRIL_2017, LAST_DAY, MONTH_START, WRITTEN_MONTHS
from pipeline.demo.kkbox.labels import train_table
from pipeline.demo.kkbox.listening import Listening, LogRows
from pipeline.demo.kkbox.membership import MemberCohort, Memberships
from pipeline.demo.kkbox.population import Population, populate
from pipeline.demo.kkbox.profiles import members_table

VERSION = 1  # raise it with every change of what is written
FULL, LEAST = 20_000, 500
FEBRUARY_2017, MARCH_2017 = 25, 26


@dataclass(frozen=True)
class KkboxSimulation:
    """The simulated process; the raw files show a part of it."""

    people: Population
    cohorts: list[MemberCohort]
    transactions: dict[str, Whole]


def simulate(
    members: int,
    seed: int,
    keep_logs: Callable[[Population, int, LogRows], None] | None = None,
    *,
    is_planted: bool = False,
) -> KkboxSimulation:
    """Simulate 2015-01 … 2017-04.

    Args:
        members: Number of people who ever subscribe.
        seed: Fixes every draw.
        keep_logs: Called with the members, the month number and the log rows of each month.
        is_planted: Whether it is the world of planted errors and markers.
    """
    sources = [
        np.random.default_rng(child) for child in np.random.SeedSequence([seed, members]).spawn(3)
    ]
    people = populate(sources[0], members)
    memberships = Memberships(people, sources[1], is_planted=is_planted)
    listening = Listening(people, sources[2])
    for month in range(APRIL_2017 + 1):
        covered = memberships.run_month(month, *listening.active_days())
        if month < WRITTEN_MONTHS:
            logs = listening.run_month(month, covered)
            if keep_logs is not None:
                keep_logs(people, month, logs)
    return KkboxSimulation(people, memberships.cohorts, memberships.transactions())


def generate_kkbox(
    raw_dir: Path,
    truth_path: Path,
    *,
    scale: float = 1.0,
    seed: int = 20170401,
    console: Console | None = None,
    is_planted: bool = False,
) -> folder.DemoSummary:
    """Generate KKBox's raw files by a known process.

    Every lapse is drawn with a known probability, so the best log loss that any model can reach
    is known. The probabilities go to `truth_path`, outside the raw folder; only the oracle score
    reads them. The same scale and seed give the same bytes. An existing folder with the same demo
    is kept.

    Args:
        raw_dir: Folder for the CSV files; created, or replaced if it has another demo.
        truth_path: Parquet file for customer_id, as_of_date, churn_probability, outcome.
        scale: Share of 20,000 people who ever subscribe; at least 500 of them.
        seed: Fixes every draw.
        console: Console for progress.
        is_planted: Also plant errors whose truth is known and markers that look like errors; the
            truth of each error goes beside `truth_path`.

    Raises:
        ChurnError: The folder has files that are not a demo, or the scale is too small.
    """
    members = folder.size_of(scale, full=FULL, least=LEAST, unit="members")
    stamp = stamp_of(members, seed, is_planted=is_planted)

    def write(part: Path) -> dict[str, int]:
        return _write(part, truth_path, stamp, console)

    return folder.make(raw_dir, truth_path, stamp, write, console)


def stamp_of(members: int, seed: int, *, is_planted: bool = False) -> folder.Stamp:
    """Return the identity of a demo of so many members."""
    return folder.Stamp("kkbox", VERSION, "members", members, seed, is_planted)


def write_raw(
    part: Path,
    truth_path: Path,
    stamp: folder.Stamp,
    keep_logs: Callable[[writing.RawFiles, Population, int, LogRows], None],
) -> dict[str, int]:
    """Simulate, and write everything but the listening; return the rows of each file.

    Args:
        part: Folder for the CSV files.
        truth_path: As in `generate_kkbox`.
        stamp: What to simulate.
        keep_logs: Called with the files, the members, the month number and the log rows of each
            month.
    """
    members, seed = stamp.size, stamp.seed
    rng = np.random.default_rng(np.random.SeedSequence([seed, members, 1]))
    with closing(writing.RawFiles(part)) as files:
        simulation = simulate(members, seed, partial(keep_logs, files), is_planted=stamp.is_planted)
        people, cohorts = simulation.people, simulation.cohorts
        written = simulation.transactions
        if stamp.is_planted:
            written, errors = planting.misstate(written, seed)
            writing.write_errors(truth_path, people, errors)
        files.write_transactions(people, written, rng)
        by_start = {cohort.starts_on: cohort for cohort in cohorts}
        for name, month in (("train.csv", FEBRUARY_2017), ("train_v2.csv", MARCH_2017)):
            cohort = by_start[int(MONTH_START[month])]
            files.write(name, train_table(people, cohort, simulation.transactions, rng))
        lapsed = writing.lapsed_last(people, [c for c in cohorts if c.starts_on <= LAST_DAY])
        files.write("members_v3.csv", members_table(people, lapsed, rng))
    writing.write_truth(truth_path, people, cohorts, stamp)
    return files.rows


def _write(
    part: Path, truth_path: Path, stamp: folder.Stamp, console: Console | None
) -> dict[str, int]:
    """Simulate and write everything; return the rows of each file."""
    with Progress(console=console, transient=True, disable=console is None) as progress:
        task = progress.add_task("Demo listening and memberships", total=WRITTEN_MONTHS + 1)

        def keep_logs(
            files: writing.RawFiles, people: Population, month: int, logs: LogRows
        ) -> None:
            name = "user_logs.csv" if month < MARCH_2017 else "user_logs_v2.csv"
            files.write_logs(name, people, logs)
            progress.advance(task)

        return write_raw(part, truth_path, stamp, keep_logs)
