"""Generated KKBox files and their lake, created once and reused by all benchmarks."""

import math
import shutil
from pathlib import Path

from rich.console import Console

from benchmarks.workbench import Bench
from pipeline.demo.kkbox.generate import FULL, generate_kkbox
from pipeline.ingest import IngestSummary, ingest
from pipeline.ingest.discover import DEMO_MARK
from pipeline.project.files import empty_folder
from pipeline.project.sources import SourceTable, source_tables

LOGS = "user_logs.csv"
LAST_CUT_OFF = "2017-03-01"  # the last cut-off whose 90 days and year before the logs cover
# The generator writes 173 log rows a member before March 2017; fewer here, to be on the safe side.
_LOG_ROWS_PER_MEMBER = 170
_FEWEST_MEMBERS = 500


def raw_files(bench: Bench) -> Path:
    """Return the folder of the raw files; generate them if missing."""
    raw = bench.folder / "raw" / "kkbox"
    members = max(_FEWEST_MEMBERS, math.ceil(bench.rows / _LOG_ROWS_PER_MEMBER))
    truth = bench.folder / "truth" / "kkbox.parquet"
    generate_kkbox(raw, truth, scale=members / FULL, console=bench.console)
    return raw


def logs_table() -> SourceTable:
    """Return the source table of the listening logs."""
    return next(table for table in source_tables("kkbox") if table.name == "user_logs")


def ingest_all_but_logs(bench: Bench, raw: Path) -> None:
    """Ingest everything except the large log file into the bench's lake."""
    names = [path.name for path in raw.iterdir() if path.name != LOGS]
    _ingest(bench, _folder_of(bench, raw, "rest", names))


def ingest_logs(bench: Bench, raw: Path) -> IngestSummary:
    """Ingest the large log file into the bench's lake, which has the required tables."""
    return _ingest(bench, _folder_of(bench, raw, "logs", [LOGS, DEMO_MARK]))


def forget_logs(bench: Bench) -> None:
    """Remove the large log file from the bench's lake."""
    stem = LOGS.removesuffix(".csv")
    for place in (bench.home.lake, bench.home.quarantine):
        for folder in (place / "kkbox" / "user_logs").glob(f"{stem}-*"):
            shutil.rmtree(folder)


def lake(bench: Bench) -> IngestSummary:
    """Fill the bench's lake unless it is filled; return the report of the log file."""
    raw = raw_files(bench)
    with bench.console.status("filling the lake"):
        ingest_all_but_logs(bench, raw)
        return ingest_logs(bench, raw)


def _folder_of(bench: Bench, raw: Path, name: str, files: list[str]) -> Path:
    """Create a raw directory of links, because ingest loads whole directories."""
    folder = bench.folder / "raw" / f"kkbox_{name}"
    empty_folder(folder)
    for file in files:
        (folder / file).symlink_to(raw / file)
    return folder


def _ingest(bench: Bench, folder: Path) -> IngestSummary:
    return ingest("kkbox", folder, bench.home, console=Console(quiet=True))
