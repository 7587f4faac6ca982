"""The Tableau export of a million customers: seconds, processor time, and peak memory."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.figures import Figure, Ratio
from benchmarks.published_data import make_generation
from benchmarks.workbench import Bench, Timed, best
from pipeline.project.home import Home
from pipeline.tableau import export

CUSTOMERS = 1_000_000
AIM_SECONDS = 60.0


def measure(bench: Bench, customers: int = CUSTOMERS) -> list[Figure]:
    """Measure the export of all published tables, with generated rows.

    Args:
        bench: The bench.
        customers: Number of customers.
    """
    home = Home(bench.folder / f"tableau_{customers}")
    rows = make_generation(home, customers)
    found: list[dict[str, float]] = []

    def run() -> None:
        found.append(_exported(home))

    (seconds,) = best(bench, Timed("export", run))
    least = min(found, key=lambda one: one["cpu_seconds"])
    size = (home.published / "current.hyper").stat().st_size / 1e6
    aim = Ratio("tableau_export_of_a_minute", "60 s", seconds / AIM_SECONDS, 1.0)
    return [
        Figure("tableau_rows", rows, "rows", f"of {customers:,} customers, all bi_ tables"),
        Figure("tableau_export", seconds, "s", f"published → current.hyper; {bench.how}", aim),
        Figure("tableau_cpu", least["cpu_seconds"], "s", "processor time of it, Hyper's included"),
        Figure("tableau_peak_memory", max(o["own_mb"] for o in found), "MB", "of this process"),
        Figure("tableau_hyper_memory", max(o["hyper_mb"] for o in found), "MB", "of Hyper"),
        Figure("tableau_extract", size, "MB", "size of the extract"),
    ]


def _exported(home: Home) -> dict[str, float]:
    """Export in a separate process, to measure its memory."""
    done = subprocess.run(  # noqa: S603 - this very module
        [sys.executable, "-m", "benchmarks.tableau", str(home.root)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Export and print processor time and memory as JSON."""
    began = time.perf_counter()
    export(Home(Path(sys.argv[1])))
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    figures = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime,
        "own_mb": own.ru_maxrss / 1024,
        "hyper_mb": others.ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main()
