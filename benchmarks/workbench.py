"""What every benchmark is given, and how it takes times."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from pipeline.project.home import Home

DEFAULT_ROWS = 15_000_000
DEFAULT_ROUNDS = 3


@dataclass(frozen=True)
class Bench:
    """What a benchmark works with.

    Attributes:
        folder: Where generated files stay from run to run.
        rows: Least number of rows in the largest generated file.
        rounds: How often each thing is timed.
        console: Where progress goes.
    """

    folder: Path
    rows: int
    rounds: int
    console: Console

    @property
    def home(self) -> Home:
        """A CHURN_HOME for benchmarks alone."""
        return Home(self.folder / "home")

    @property
    def how(self) -> str:
        """What a time of `best` is, in words."""
        return f"best of {self.rounds}"


@dataclass(frozen=True)
class Timed:
    """Something to time.

    Attributes:
        name: What it is called while it runs.
        run: The timed part.
        before: What puts things back, untimed.
    """

    name: str
    run: Callable[[], object]
    before: Callable[[], object] | None = None


def best(bench: Bench, *things: Timed) -> list[float]:
    """Return the least seconds of each thing.

    Rounds take turns, so a slow minute of the machine meets all of them; the least of several is
    what the work costs when nothing else interferes.
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
