"""The bench that every benchmark gets, and its timing."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from pipeline.project.home import Home

DEFAULT_ROWS = 15_000_000
DEFAULT_ROUNDS = 3


@dataclass(frozen=True)
class Bench:
    """Settings and folder of a benchmark.

    Attributes:
        folder: Folder of generated files, kept between runs.
        rows: Minimum number of rows in the largest generated file.
        rounds: Number of timings of each measurement.
        console: Console for progress.
        shares: Shares of KKBox's full size, of the benchmark `full`.
    """

    folder: Path
    rows: int
    rounds: int
    console: Console
    shares: Sequence[float] = (1.0,)

    @property
    def home(self) -> Home:
        """A CHURN_HOME for benchmarks only."""
        return Home(self.folder / "home")

    @property
    def how(self) -> str:
        """How `best` measures, in words."""
        return f"best of {self.rounds}"


@dataclass(frozen=True)
class Timed:
    """A measurement.

    Attributes:
        name: Name shown while it runs.
        run: The timed part.
        before: Untimed preparation.
    """

    name: str
    run: Callable[[], object]
    before: Callable[[], object] | None = None


def best(bench: Bench, *things: Timed) -> list[float]:
    """Return the minimum seconds of each measurement.

    Rounds alternate, so a slow minute of the machine affects all measurements; the minimum is the
    cost without interference.
    """
    seconds: list[list[float]] = [[] for _ in things]
    with bench.console.status("") as status:
        for number in range(bench.rounds):
            for thing, taken in zip(things, seconds, strict=True):
                status.update(f"round {number + 1} of {bench.rounds}: {thing.name}")
                if thing.before is not None:
                    thing.before()
                began = time.perf_counter()
                thing.run()
                taken.append(time.perf_counter() - began)
    return [min(taken) for taken in seconds]
