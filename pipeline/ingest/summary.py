"""What an ingest did, and how the terminal shows it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.ingest.reject import Reason

Status = Literal["ingested", "replaced", "unchanged"]


@dataclass(frozen=True)
class FileReport:
    """What became of one raw file.

    Attributes:
        file: Its name; `archive:member` for a csv inside an archive.
        table: The table it belongs to.
        rows_read: Rows it has; `rows` and `quarantined` add up to it.
        rows: Rows in the lake.
        quarantined: Rows in quarantine.
        reasons: Kinds of bad values with counts; a row may have several.
        status: Whether it was new, replaced an earlier file, or was there already.
        ignored_columns: Columns of the file that the table does not have.
        absent_columns: Optional columns the file does not have; null in the lake.
        quarantine: Where its bad values are.
    """

    file: str
    table: str
    rows_read: int
    rows: int
    quarantined: int
    reasons: tuple[Reason, ...]
    status: Status
    ignored_columns: tuple[str, ...] = ()
    absent_columns: tuple[str, ...] = ()
    quarantine: Path | None = None


@dataclass(frozen=True)
class MissingTable:
    """An optional table that is neither in the raw directory nor in the lake."""

    table: str
    files: tuple[str, ...]
    meaning: str


@dataclass(frozen=True)
class IngestSummary:
    """What one ingest did.

    Attributes:
        domain: The domain.
        origin: `demo` or `real`.
        files: One report per raw file.
        missing: Optional tables without data.
        shadowed: Files left aside because the same file is there in a quicker format.
        unrecognised: Files that belong to no table.
        quarantine: Where the domain's bad values are.
    """

    domain: str
    origin: str
    files: tuple[FileReport, ...]
    missing: tuple[MissingTable, ...]
    shadowed: tuple[str, ...]
    unrecognised: tuple[str, ...]
    quarantine: Path

    @property
    def is_changed(self) -> bool:
        """Whether the lake holds anything else than before."""
        return any(file.status != "unchanged" for file in self.files)


def render(summary: IngestSummary, console: Console) -> None:
    """Print a summary: a table of the files, then what is odd about them."""
    table = Table(title=f"Ingest of {summary.domain} ({summary.origin} data)", title_justify="left")
    for name in ("File", "Table"):
        table.add_column(name, overflow="fold")
    for name in ("Rows read", "In the lake", "Quarantined"):
        table.add_column(name, justify="right")
    table.add_column("Status")
    for file in summary.files:
        counts = (f"{number:,}" for number in (file.rows_read, file.rows, file.quarantined))
        table.add_row(Text(file.file), file.table, *counts, file.status)
    console.print(table)
    for note in _notes(summary):
        console.print(Text(note), soft_wrap=True)


def _notes(summary: IngestSummary) -> list[str]:
    notes = []
    for file in summary.files:
        if file.reasons:
            reasons = "; ".join(f"{reason} ({reason.values:,})" for reason in file.reasons)
            notes.append(f"Quarantined from {file.file}: {reasons}.")
        if file.ignored_columns:
            notes.append(f"Ignored columns of {file.file}: {', '.join(file.ignored_columns)}.")
        if file.absent_columns:
            notes.append(f"Columns {file.file} lacks, null: {', '.join(file.absent_columns)}.")
    notes += [f"Not there: {missing.table}. {missing.meaning}" for missing in summary.missing]
    notes += [f"Left aside: {name}." for name in summary.shadowed]
    if summary.unrecognised:
        notes.append(f"Not recognised: {', '.join(summary.unrecognised)}.")
    if any(file.quarantined for file in summary.files):
        notes.append(f"Bad values with file, line and reason: {summary.quarantine}")
    return notes
