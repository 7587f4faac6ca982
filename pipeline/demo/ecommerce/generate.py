"""Generates the demo raw files of the shop."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.progress import Progress

from pipeline.demo import csv_files, folder
from pipeline.demo.ecommerce.calendar import FIRST_DAY, MONTHS, file_names
from pipeline.demo.ecommerce.catalogue import stock
from pipeline.demo.ecommerce.customers import Behaviour, Customers, live, populate
from pipeline.demo.ecommerce.events import happen
from pipeline.demo.ecommerce.log import Log, Pages, log_of
from pipeline.demo.ecommerce.process import States, states
from pipeline.demo.ecommerce.tastes import draw_tastes
from pipeline.demo.ecommerce.truth import OUTCOME, Truth, truth_of
from pipeline.demo.ecommerce.visits import all_visits, crowd_of

VERSION = 2  # raise it with every change of what is written
FULL, LEAST = 26_000, 650
_THREADS = 2


@dataclass(frozen=True)
class ShopSimulation:
    """The simulated process; the raw files show a part of it."""

    states: States
    customers: Customers
    behaviour: Behaviour


def simulate(customers: int, seed: int) -> ShopSimulation:
    """Simulate 2018-02 … 2020-04.

    Args:
        customers: Number of people who may order; nearly all of them do.
        seed: Fixes every draw.
    """
    rng, _ = _sources(customers, seed)
    hidden = states()
    people = populate(rng, customers)
    return ShopSimulation(hidden, people, live(rng, people, hidden))


def generate_ecommerce(
    raw_dir: Path,
    truth_path: Path,
    *,
    scale: float = 1.0,
    seed: int = 20200501,
    console: Console | None = None,
) -> folder.DemoSummary:
    """Generate a shop's event files by a known process.

    Customers order and drop out by a hidden Markov chain. The truth is its forward filter at
    every month start and Monday, so the best log loss that any model can reach is known. The
    probabilities go to `truth_path`, outside the raw folder; only the oracle score reads them.
    The same scale and seed give the same bytes. An existing folder with the same demo is kept.

    Args:
        raw_dir: Folder for the CSV files; created, or replaced if it has another demo.
        truth_path: Parquet file for customer_id, as_of_date, churn_probability, outcome.
        scale: Share of 26,000 customers and three and a half million events.
        seed: Fixes every draw.
        console: Console for progress.

    Raises:
        ChurnError: The folder has files that are not a demo, or the scale is too small.
    """
    customers = folder.size_of(scale, full=FULL, least=LEAST, unit="customers")
    stamp = folder.Stamp("ecommerce", VERSION, "customers", customers, seed)

    def write(part: Path) -> dict[str, int]:
        return _write(part, truth_path, stamp, console)

    return folder.make(raw_dir, truth_path, stamp, write, console)


def _write(
    part: Path, truth_path: Path, stamp: folder.Stamp, console: Console | None
) -> dict[str, int]:
    """Simulate and write everything; return the rows of each file."""
    with (
        ThreadPoolExecutor(_THREADS) as pool,
        Progress(console=console, transient=True, disable=console is None) as progress,
    ):
        task = progress.add_task("Demo customers, visits and orders", total=MONTHS + 2)
        drawn = simulate(stamp.size, stamp.seed)
        progress.advance(task)
        # The truth is a long chain of small steps: it runs beside everything else.
        known = pool.submit(truth_of, drawn.states, drawn.customers, drawn.behaviour)
        log, pages = _log(drawn, stamp)
        progress.advance(task)

        def write_month(month: int) -> int:
            rows = csv_files.write(part / file_names()[month], pages.month(month))
            progress.advance(task)
            return rows

        rows = dict(zip(file_names(), pool.map(write_month, range(MONTHS)), strict=True))
        _write_truth(truth_path, stamp, known.result(), log)
    return rows


def _log(drawn: ShopSimulation, stamp: folder.Stamp) -> tuple[Log, Pages]:
    _, rng = _sources(stamp.size, stamp.seed)
    catalogue = stock(rng)
    crowd = crowd_of(stamp.size)
    tastes = draw_tastes(rng, catalogue, len(crowd))
    visits = all_visits(rng, crowd, drawn.customers, drawn.behaviour)
    log = log_of(rng, visits, happen(rng, visits, tastes, catalogue), catalogue, len(crowd))
    return log, Pages(log, catalogue)


def _write_truth(path: Path, stamp: folder.Stamp, truth: Truth, log: Log) -> None:
    folder.write_truth(
        path,
        stamp,
        customer_id=pa.array(log.people).take(pa.array(truth.customer)),
        as_of=truth.as_of + FIRST_DAY,
        probability=truth.probability,
        outcome=OUTCOME,
    )


def _sources(customers: int, seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    """Return the random generators of the hidden process and of the files."""
    hidden, shown = np.random.SeedSequence([seed, customers]).spawn(2)
    return np.random.default_rng(hidden), np.random.default_rng(shown)
