"""The summary of an ingest and its table on the terminal."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.ingest.overlap import Overlap
from pipeline.ingest.reject import RejectionReason

# copy: its content is in the lake under another name.
Status = Literal["ingested", "replaced", "unchanged", "copy"]
_PAIRS_SHOWN = 5


@dataclass(frozen=True)
class FileReport:
    """The outcome for one raw file.

    Attributes:
        file: Its name; `archive:member` for a csv inside an archive.
        table: The table it belongs to.
        rows_read: Rows in the file: `rows` + `quarantined` + `duplicates`; 0 for a copy.
        rows: Rows in the lake.
        quarantined: Rows in quarantine.
        reasons: Kinds of bad values with counts; a row may have several.
        status: Whether it was new, replaced an earlier file, or was already in the lake.
        ignored_columns: Columns of the file that the table does not have.
        absent_columns: Optional columns that the file does not have; null in the lake.
        quarantine: Folder of its bad values.
        duplicates: Rows left out because an equal one is kept; None if the table keeps all.
        copy_of: The file with the same content that is in the lake instead of this one.
    """

    file: str
    table: str
    status: Status
    rows_read: int = 0
    rows: int = 0
    quarantined: int = 0
    reasons: tuple[RejectionReason, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    absent_columns: tuple[str, ...] = ()
    quarantine: Path | None = None
    duplicates: int | None = None
    copy_of: str | None = None


@dataclass(frozen=True)
class MissingTable:
    """An optional table that is neither in the raw directory nor in the lake."""

    table: str
    files: tuple[str, ...]
    meaning: str


@dataclass(frozen=True)
class IngestSummary:
    """The outcome of one ingest.

    Attributes:
        domain: The domain.
        origin: `demo` or `real`.
        files: One report per raw file.
        missing: Optional tables without data.
        shadowed: Files skipped because the same file exists in a quicker format.
        unrecognised: Files that belong to no table.
        overlaps: Files in the lake whose events overlap in time and may count twice.
        outdated: Files in the lake that were loaded under other rules for ids and values.
        quarantine: Folder of the domain's bad values.
    """

    domain: str
    origin: str
    files: tuple[FileReport, ...]
    missing: tuple[MissingTable, ...]
    shadowed: tuple[str, ...]
    unrecognised: tuple[str, ...]
    overlaps: tuple[Overlap, ...]
    outdated: tuple[str, ...]
    quarantine: Path

    @property
    def is_changed(self) -> bool:
        """Whether the lake changed."""
        return any(file.status not in ("unchanged", "copy") for file in self.files)


def counts(file: FileReport) -> str:
    """Return a file's row counts as a phrase."""
    words = f"{file.rows:,} rows, {file.quarantined:,} in quarantine"
    if file.duplicates is None:
        return words
    return f"{words}, {file.duplicates:,} duplicate{'s' * (file.duplicates != 1)} removed"


def render(summary: IngestSummary, console: Console) -> None:
    """Print a summary: a table of the files, then notes about them."""
    table = Table(title=f"Ingest of {summary.domain} ({summary.origin} data)", title_justify="left")
    for name in ("File", "Table"):
        table.add_column(name, overflow="fold")
    numbers = ["Rows read", "Loaded", "Quarantined"]
    if any(file.duplicates is not None for file in summary.files):
        numbers.append("Duplicates")
    for name in numbers:
        table.add_column(name, justify="right")
    table.add_column("Status")
    for file in summary.files:
        found = (file.rows_read, file.rows, file.quarantined, file.duplicates or 0)
        cells = (f"{number:,}" for number in found[: len(numbers)])
        table.add_row(Text(file.file), file.table, *cells, file.status)
    console.print(table)
    for note in _notes(summary):
        console.print(Text(note), soft_wrap=True)


def _notes(summary: IngestSummary) -> list[str]:
    notes = []
    for file in summary.files:
        if file.reasons:
            reasons = "; ".join(f"{reason} ({reason.values:,})" for reason in file.reasons)
            notes.append(f"Quarantined from {file.file}: {reasons}.")
        if file.copy_of:
            notes.append(f"Skipped: {file.file} has the same content as {file.copy_of}.")
        if file.ignored_columns:
            notes.append(f"Ignored columns of {file.file}: {', '.join(file.ignored_columns)}.")
        if file.absent_columns:
            notes.append(f"Missing from {file.file}, null: {', '.join(file.absent_columns)}.")
    notes += [f"Missing: {missing.table}. {missing.meaning}" for missing in summary.missing]
    notes += [f"Skipped for a quicker format: {name}." for name in summary.shadowed]
    if summary.unrecognised:
        notes.append(f"Not recognised: {', '.join(summary.unrecognised)}.")
    if summary.overlaps:
        pairs = [str(pair) for pair in summary.overlaps[:_PAIRS_SHOWN]]
        pairs += ["…"] * (len(summary.overlaps) > _PAIRS_SHOWN)
        notes.append(
            f"Overlapping in time: {'; '.join(pairs)}. An event in two files counts twice;"
            " keep each event in one file."
        )
    if summary.outdated:
        notes.append(
            f"Loaded under earlier rules for ids and values: {', '.join(summary.outdated)}. One"
            " customer may have two spellings; put these files into the directory and ingest again."
        )
    if any(file.quarantined for file in summary.files):
        notes.append(f"Bad values, with file, line and reason: {summary.quarantine}")
    return notes
