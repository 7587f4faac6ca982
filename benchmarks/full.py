"""`python -m benchmarks full`: KKBox in full, or a share of it, from raw to published.

The logs are made month by month; each month is ingested and its raw file deleted, because 30 GB of
them do not fit beside the lake on a small disk. Then everything is built, learned, scored and
published for the first time, and one more day is added and lived by `churn nightly`.
"""

import shutil
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure
from benchmarks.process_tree import Cost, run_watched
from benchmarks.workbench import Bench
from pipeline.demo import folder
from pipeline.demo.arrays import day
from pipeline.demo.kkbox.days import MONTH_START, as_yyyymmdd
from pipeline.demo.kkbox.generate import LEAST, simulate, stamp_of, write_raw
from pipeline.demo.kkbox.listening import LogRows
from pipeline.demo.kkbox.population import Population
from pipeline.demo.kkbox.writing import RawFiles
from pipeline.project.clock import TODAY
from pipeline.project.duck import quoted
from pipeline.project.files import empty_folder
from pipeline.project.home import Home

# Members with a transaction, as in KKBox's files. The demo writes some 183 log rows for each, so
# the logs are a little longer than KKBox's 410 million.
FULL = 2_370_000
SEED = 20170401
DOMAIN = "kkbox"
# Neither the day before nor this one closes a cohort, so the night does not learn.
NEW_DAY = date(2017, 3, 30)
# After a training, a run does what is left: it scores and publishes.
STEPS = {"build": "build", "train": "train", "score_and_publish": "run"}
# Steps shorter than this at the smallest share have no slope: they are start-up.
LONG_SECONDS = 10.0
MOST_SLOPE = 1.1
# Processor time of the new day, as a share of the first run's.
MOST_OF_FIRST = 0.03
_TRANSACTIONS = ("transactions.csv", "transactions_v2.csv")


@dataclass
class Lived:
    """What a share of the full size took.

    Attributes:
        share: Of the full size.
        log_rows: Rows of the logs.
        first: By step of the first run: what it cost.
        night: What the night of the new day cost.
        generation_bytes: What is published takes on disk, after the first run.
        home_bytes: What CHURN_HOME takes, after the first run.
    """

    share: float
    log_rows: int = 0
    first: dict[str, Cost] = field(default_factory=dict)
    night: Cost = field(default_factory=Cost)
    generation_bytes: int = 0
    home_bytes: int = 0


def measure(bench: Bench) -> list[Figure]:
    """Live each share of the full size; draw one table."""
    lived = [live(bench, share) for share in sorted(bench.shares)]
    draw(lived, bench.console)
    return [figure for one in lived for figure in _figures(one)] + _slopes(lived)


def live(bench: Bench, share: float) -> Lived:
    """Make the raw files of a share, run everything on them for the first time, and a night."""
    members = max(LEAST, round(share * FULL))
    place = empty_folder(bench.folder / "full" / f"{share:g}")
    found = Lived(share)
    commands = _Commands(Home(place / "home"), place / "said.txt", bench.console)
    _ingest_months(commands, place, members, found)
    for step, command in STEPS.items():
        found.first[step] = commands.run(command, "--domain", DOMAIN)
    found.home_bytes = _size(commands.home.root)
    found.generation_bytes = _size(commands.home.published)
    found.night = commands.run("nightly", "--domain", DOMAIN, "--raw", place / "day", on=NEW_DAY)
    shutil.rmtree(place)
    return found


@dataclass
class _Commands:
    """Runs churn on a home of the bench."""

    home: Home
    output: Path
    console: Console

    def run(self, *arguments: str | Path, on: date = NEW_DAY - timedelta(days=1)) -> Cost:
        """Run it on the morning after that day."""
        churn = Path(sys.executable).with_name("churn")
        environment = {
            "CHURN_HOME": str(self.home.root),
            TODAY: str(on + timedelta(days=1)),
        }
        with self.console.status(f"churn {arguments[0]}"):
            return run_watched([churn, *arguments], environment, self.output)


def _ingest_months(commands: _Commands, place: Path, members: int, found: Lived) -> None:
    """Make and ingest everything: first without the logs, then month by month."""
    stamp = stamp_of(members, SEED)
    whole = empty_folder(place / "raw")
    new_day = empty_folder(place / "day")
    with commands.console.status("making members and transactions"):
        write_raw(whole, place / "truth.parquet", stamp, lambda *_: None)
    (whole / folder.MARKER).write_bytes(bytes(stamp))
    _split_transactions(whole, new_day)
    found.first["ingest"] = commands.run("ingest", "--domain", DOMAIN, "--raw", whole)
    shutil.rmtree(whole)

    at = day(str(NEW_DAY))

    def write(where: Path, name: str, people: Population, logs: LogRows) -> None:
        with closing(RawFiles(where)) as files:
            files.write_logs(name, people, logs)
        (where / folder.MARKER).write_bytes(bytes(stamp))

    def ingest_month(people: Population, month: int, logs: LogRows) -> None:
        raw, first = empty_folder(place / "month"), as_yyyymmdd(MONTH_START[[month]])[0]
        known, new = _some(logs, logs.on < at), _some(logs, logs.on == at)
        write(raw, f"user_logs_{first}.csv", people, known)
        if len(new.on):
            write(new_day, f"user_logs_{NEW_DAY}.csv", people, new)
        found.log_rows += len(known.on)
        found.first["ingest"] += commands.run("ingest", "--domain", DOMAIN, "--raw", raw)
        shutil.rmtree(raw)

    simulate(members, SEED, ingest_month)


def _some(logs: LogRows, rows: np.ndarray) -> LogRows:
    return LogRows(*(getattr(logs, column.name)[rows] for column in fields(logs)))


def _split_transactions(whole: Path, new_day: Path) -> None:
    """Leave in the raw files what is known before the new day; write that day into a file."""
    at = f"{NEW_DAY:%Y%m%d}"
    files = [whole / name for name in _TRANSACTIONS]
    with duckdb.connect() as connection:
        read = "read_csv({}, all_varchar = true)"
        both = f"[{', '.join(quoted(str(path)) for path in files)}]"
        connection.execute(
            f"copy (from {read.format(both)} where transaction_date = '{at}') "
            f"to {quoted(str(new_day / f'transactions_{NEW_DAY}.csv'))} (header)"
        )
        for path in files:
            part = path.with_suffix(".part")
            connection.execute(
                f"copy (from {read.format(quoted(str(path)))} where transaction_date < '{at}') "
                f"to {quoted(str(part))} (header)"
            )
            part.replace(path)


def _size(place: Path) -> int:
    """Return the bytes of all files below a folder; linked ones once."""
    found = {}
    for path in place.rglob("*"):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            found[status.st_ino] = status.st_blocks * 512
    return sum(found.values())


def _total(lived: Lived) -> Cost:
    return sum(lived.first.values(), Cost())


def draw(lived: Sequence[Lived], console: Console) -> None:
    """Draw what each step took, one row a share and step."""
    table = Table("share", "step", "s", "processor, s", "read, GB", "peak, GB")
    for one in lived:
        rows = one.first | {"first run": _total(one), "new day": one.night}
        for step, cost in rows.items():
            table.add_row(
                f"{one.share:g}",
                step,
                f"{cost.seconds:,.0f}",
                f"{cost.cpu_seconds:,.0f}",
                f"{cost.read_bytes / 1e9:,.1f}",
                f"{cost.peak_bytes / 1e9:,.1f}",
                end_section=step == "new day",
            )
    console.print(table)


def _figures(lived: Lived) -> list[Figure]:
    name = f"full_{lived.share:g}"
    total = _total(lived)
    figures = [
        Figure(f"{name}_log_rows", lived.log_rows, "rows", f"logs of {lived.share:g} of KKBox"),
        Figure(f"{name}_home", lived.home_bytes / 1e9, "GB", "CHURN_HOME after the first run"),
        Figure(f"{name}_published", lived.generation_bytes / 1e9, "GB", "what is published"),
    ]
    for step, cost in (lived.first | {"first": total, "new_day": lived.night}).items():
        what = f"{step} at {lived.share:g} of the full size"
        figures += [
            Figure(f"{name}_{step}_seconds", cost.seconds, "s", what),
            Figure(f"{name}_{step}_cpu", cost.cpu_seconds, "s", f"{what}, processor"),
            Figure(f"{name}_{step}_read", cost.read_bytes / 1e9, "GB", f"{what}, read"),
            Figure(f"{name}_{step}_peak", cost.peak_bytes / 1e9, "GB", f"{what}, memory"),
        ]
    first, night = (
        next(figure for figure in figures if figure.name == f"{name}_{step}_cpu")
        for step in ("first", "new_day")
    )
    share = night.compared(first, name=f"{night.name}_ratio", aim=MOST_OF_FIRST)
    return [share if figure is night else figure for figure in figures]


def _slopes(lived: Sequence[Lived]) -> list[Figure]:
    """Return how each step's time grows: the slope of its logarithm over that of the share."""
    smallest = lived[0]
    return [
        Figure(
            f"full_{step}_slope",
            growth([one.share for one in lived], [one.first[step].cpu_seconds for one in lived]),
            "",
            f"growth of {step} with the share, processor; aim {MOST_SLOPE:g}",
        )
        for step, cost in smallest.first.items()
        if len(lived) > 1 and cost.seconds > LONG_SECONDS
    ]


def growth(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the slope of log cost over log size by least squares: 1 is linear growth."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])
