"""Loads the files of a folder, prints what they held and puts it on the record of the run."""

from contextlib import nullcontext
from pathlib import Path

from rich.console import Console

from pipeline.ingest import IngestSummary, ingest, render
from pipeline.ingest.overlap import Overlap
from pipeline.project.home import Home
from pipeline.runs.nights import NightLog, Rows, Step

_LOADED = ("ingested", "replaced")


def read_folder(
    home: Home,
    domain: str,
    raw: Path,
    console: Console,
    *,
    encoding: str | None = None,
    accept: str | None = None,
    log: NightLog | None = None,
) -> IngestSummary:
    """Ingest a folder.

    Args:
        home: CHURN_HOME.
        domain: Domain of the files.
        raw: The folder.
        console: Shows progress and the summary.
        encoding: Encoding of the CSV files; by default as before.
        accept: Why a file with many rows in quarantine is right.
        log: Records the run.

    Raises:
        ChurnError: A file or the folder cannot be used; the lake is unchanged.
    """
    with log.step("read files", domain) if log else nullcontext(Step(name="read files")) as step:
        found = ingest(domain, raw, home, console=console, encoding=encoding, accept=accept)
        rows = _rows_read(found)
        step.rows = sum(table.read for table in rows)
    if log:
        log.night.rows.extend(rows)
    render(found, console)
    return found


def new_overlaps(found: IngestSummary) -> list[Overlap]:
    """Return the pairs of files with rows in both, of which one was loaded just now."""
    new = {file.file for file in found.files if file.status in _LOADED}
    return [pair for pair in found.overlaps if pair.rows and {pair.first, pair.second} & new]


def _rows_read(found: IngestSummary) -> list[Rows]:
    """Rows of the files that were new or replaced, by table."""
    loaded = [file for file in found.files if file.status in _LOADED]
    return [
        Rows(
            domain=found.domain,
            table=table,
            read=sum(file.rows_read for file in loaded if file.table == table),
            quarantined=sum(file.quarantined for file in loaded if file.table == table),
        )
        for table in dict.fromkeys(file.table for file in loaded)
    ]
