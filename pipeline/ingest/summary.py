"""The summary of an ingest and its table on the terminal."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.ingest.discover import listed_names
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
        encoding: Encoding that it was read in; None for UTF-8.
        accepted: Why rows in quarantine above the limit were accepted.
        spread: Rows with a value that holds line ends.
        widest: Line and number of lines of the row with most of them.
        ahead: Rows dated after the day of the ingest.
        last_event: Time of the last row.
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
    encoding: str | None = None
    accepted: str | None = None
    spread: int = 0
    widest: tuple[int, int] = (0, 0)
    ahead: int = 0
    last_event: str | None = None


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
        if file.accepted:
            notes.append(f"Accepted in spite of its quarantine: {file.file}, {file.accepted}.")
        if file.copy_of:
            notes.append(f"Skipped: {file.file} has the same content as {file.copy_of}.")
        if file.encoding:
            notes.append(f"Read as {file.encoding}: {file.file}.")
        if file.spread:
            line, lines = file.widest
            notes.append(
                f"Values with line ends in {file.file}: {file.spread:,} rows; the longest takes"
                f" {lines:,} lines from line {line:,} on. A quote that is not closed looks like"
                " that, too."
            )
        if file.ahead:
            notes.append(
                f"Dated after today: {file.ahead:,} rows of {file.file}, the last"
                f" {file.last_event}."
            )
    # the monthly files of a log are alike
    ignored: dict[tuple[str, ...], list[str]] = {}
    absent: dict[tuple[str, ...], list[str]] = {}
    for file in summary.files:
        for columns, files in ((file.ignored_columns, ignored), (file.absent_columns, absent)):
            if columns:
                files.setdefault(tuple(columns), []).append(file.file)
    notes += [
        f"Ignored columns of {listed_names(files, 3)}: {', '.join(columns)}."
        for columns, files in ignored.items()
    ]
    notes += [
        f"Missing from {listed_names(files, 3)}, null: {', '.join(columns)}."
        for columns, files in absent.items()
    ]
    notes += [f"Missing: {missing.table}. {missing.meaning}" for missing in summary.missing]
    notes += [f"Skipped for a quicker format: {name}." for name in summary.shadowed]
    if summary.unrecognised:
        notes.append(f"Not recognised: {listed_names(summary.unrecognised)}.")
    if summary.overlaps:
        pairs = [str(pair) for pair in summary.overlaps[:_PAIRS_SHOWN]]
        pairs += ["…"] * (len(summary.overlaps) > _PAIRS_SHOWN)
        notes.append(
            f"Overlapping in time: {'; '.join(pairs)}. A row in two files counts twice;"
            " keep each in one file, and take a file out with `churn ingest --remove FILE`."
        )
    if summary.outdated:
        notes.append(
            f"Loaded under earlier rules for ids and values: {', '.join(summary.outdated)}. One"
            " customer may have two spellings; put these files into the directory and ingest again."
        )
    if any(file.quarantined for file in summary.files):
        notes.append(f"Bad values, with file, line and reason: {summary.quarantine}")
    return notes
