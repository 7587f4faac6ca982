"""The ingest step: validates every file of a raw directory, then commits all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from rich.console import Console
from rich.progress import TextColumn

from pipeline.ingest import lake
from pipeline.ingest.amounts import check_amounts
from pipeline.ingest.digest import Digest
from pipeline.ingest.discover import (
    Discovery,
    RawFile,
    check_directory,
    discover,
    listed_names,
    recognised_names,
)
from pipeline.ingest.engine import connect
from pipeline.ingest.known import Contents, KnownFile, look_up
from pipeline.ingest.load import Copy, Options, Step, load_file
from pipeline.ingest.overlap import overlaps
from pipeline.ingest.plain_text import UTF_8, known_encoding
from pipeline.ingest.reject import RejectionReason
from pipeline.ingest.summary import FileReport, IngestSummary, MissingTable, Status, counts
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable, source_tables
from pipeline.project.terminal import progress_bar


def ingest(
    domain: str,
    raw_dir: Path,
    home: Home,
    *,
    console: Console,
    memory: int | None = None,
    encoding: str | None = None,
    accept: str | None = None,
) -> IngestSummary:
    """Load the raw files of a directory into the lake.

    Idempotent by content: a file whose bytes are already in the lake is skipped. Either every
    file of the call is loaded or none.

    Args:
        domain: A folder under `models/` with a sources YAML.
        raw_dir: The directory that holds the raw files.
        home: CHURN_HOME with lake and quarantine.
        console: Shows progress; one line per file if it is not a terminal.
        memory: Bytes that DuckDB may use where CHURN_MEMORY allows more; None for no such bound.
        encoding: Encoding of the CSV files; by default the one a file's name was last read in, or
            UTF-8.
        accept: Why rows in quarantine above the limit are accepted; kept in the lake's record.

    Raises:
        ChurnError: A file, the directory or CHURN_HOME cannot be used; the lake is unchanged.
    """
    tables = source_tables(domain)
    encoding = known_encoding(encoding) if encoding else None
    try:
        check_directory(raw_dir)
        with lake.scratch(home) as scratch:
            found = discover(raw_dir, tables, scratch / "archives")
            origin = lake.check_origin(home, domain, raw_dir)
            missing = _missing_tables(found, tables, home, raw_dir)
            reports: list[FileReport] = []
            changes = lake.Changes()
            lake.recover(home, domain, scratch)
            files = _looked_up(found.files, home, console, encoding)
            contents = Contents(files, home)
            options = Options(memory, accept)
            for known in files:
                with _shown(known.raw, console) as step:
                    reports.append(_bring(known, contents, changes, home, scratch, step, options))
                if not console.is_terminal:
                    line = _line(reports[-1])
                    console.print(line, markup=False, highlight=False, soft_wrap=True)
            lake.commit(changes, home, domain, origin, scratch)
        overlapping = tuple(pair for table in tables for pair in overlaps(home, table))
    except duckdb.Error as error:
        raise ChurnError(
            "DuckDB failed while reading a file.",
            where=str(error),
            hint="Check free disk space and memory, then run it again; the lake is unchanged.",
        ) from error
    except OSError as error:
        raise ChurnError(
            f"Cannot read or write a file or folder: {error.strerror or error}.",
            where=str(error.filename or raw_dir),
            hint=f"CHURN_HOME ({home.root}) must be writable and have room for the lake;"
            f" {raw_dir} must be readable.",
        ) from error
    return IngestSummary(
        domain=domain,
        origin=origin,
        files=tuple(reports),
        missing=missing,
        shadowed=found.shadowed,
        unrecognised=found.unrecognised,
        overlaps=overlapping,
        outdated=_outdated(tables, home),
        quarantine=home.quarantine / domain,
    )


def _looked_up(
    files: tuple[RawFile, ...], home: Home, console: Console, encoding: str | None
) -> list[KnownFile]:
    there = {
        table.name: lake.latest(home, table.domain, table.name)
        for table in {raw.table for raw in files}
    }
    digests: dict[Path, Digest] = {}
    known = []
    for raw in files:
        with _shown(raw, console) as step:
            step("hashing", 0)
            known.append(look_up(raw, there[raw.table.name], digests, encoding))
    return known


def _bring(
    known: KnownFile,
    contents: Contents,
    changes: lake.Changes,
    home: Home,
    scratch: Path,
    step: Step,
    options: Options,
) -> FileReport:
    """Load one file unless its content is in the lake, and add it to the changes."""
    if known.record and known.place and known.is_in_lake:
        other = contents.same_as(known.raw, known.record.unpacked_hash)
        if other is None:
            return _report(known.raw, known.record, "unchanged", known.place)
        taken: lake.Staged | Copy = Copy(other)
    else:
        taken = load_file(known, contents, home, scratch, step, options)
    if isinstance(taken, Copy):
        status: Status = "copy"
        if known.place:
            changes.superseded.append(known.place)
            status = "replaced"
        name, table = known.raw.name, known.raw.table.name
        return FileReport(file=name, table=table, status=status, copy_of=taken.of)
    _check_amounts(taken, changes, scratch, options.memory)
    changes.staged.append(taken)
    return _report(known.raw, taken.record, "replaced" if known.record else "ingested", taken.place)


def _check_amounts(
    taken: lake.Staged, changes: lake.Changes, scratch: Path, memory: int | None
) -> None:
    """Compare a file's prices with those of the table's other files."""
    place = taken.place
    table = next(t for t in source_tables(place.domain) if t.name == place.table)
    others = [staged.lake for staged in changes.staged if staged.place.table == place.table]
    there = lake.records(place.home, place.domain, place.table)
    names = {taken.record.logical_name, *(one.record.logical_name for one in changes.staged)}
    earlier = [
        lake.Place(place.home, place.domain, place.table, folder).lake
        for folder, record in there.items()
        if record.logical_name not in names
    ]
    entry = domain_entries().get(place.domain)
    with connect(scratch / "spill", memory) as con:
        check_amounts(
            table,
            taken.record.raw_file,
            taken.lake,
            [*others[::-1], *earlier[::-1]],
            con,
            entry.currency if entry else None,
        )


def _outdated(tables: tuple[SourceTable, ...], home: Home) -> tuple[str, ...]:
    """Return the files that were loaded under other rules and are no longer here to be read."""
    return tuple(
        record.raw_file
        for table in tables
        for record in lake.records(home, table.domain, table.name).values()
        if record.source_fingerprint != table.fingerprint()
    )


def _missing_tables(
    found: Discovery, tables: tuple[SourceTable, ...], home: Home, raw_dir: Path
) -> tuple[MissingTable, ...]:
    """Return the optional tables without data; refuse a missing required one."""
    there = {raw.table.name for raw in found.files}
    lacking = [
        table
        for table in tables
        if table.name not in there
        and not lake.records(home, table.domain, table.name)
        # without a map every id is its own customer: nothing is missing
        and table.known_from is None
    ]
    for table in lacking:
        if table.required:
            raise ChurnError(
                f"The files of {table.name!r} are missing; the table is required.",
                where=f"{raw_dir} holds {listed_names([raw.name for raw in found.files])}.",
                hint=f"Add {' or '.join(table.files)}. {recognised_names(tables)}",
            )
    return tuple(
        MissingTable(
            table.name,
            table.files,
            f"Features of {' or '.join(table.files)} will be null or empty.",
        )
        for table in lacking
    )


def _report(raw: RawFile, record: lake.Record, status: Status, place: lake.Place) -> FileReport:
    return FileReport(
        file=raw.name,
        table=raw.table.name,
        rows_read=record.rows + record.quarantined + record.duplicates,
        rows=record.rows,
        quarantined=record.quarantined,
        reasons=tuple(RejectionReason(*reason) for reason in record.reasons),
        status=status,
        ignored_columns=tuple(record.ignored_columns),
        absent_columns=tuple(record.absent_columns),
        quarantine=place.quarantine if record.quarantined else None,
        duplicates=record.duplicates if raw.table.deduplicate else None,
        encoding=record.encoding if record.encoding != UTF_8 else None,
        accepted=record.accepted,
        spread=record.spread,
        widest=(record.widest[0], record.widest[1]),
        ahead=record.ahead,
        last_event=record.event_span[1] if record.event_span else None,
    )


@contextmanager
def _shown(raw: RawFile, console: Console) -> Iterator[Step]:
    """Show a progress bar for one file on a terminal; nothing elsewhere."""
    if not console.is_terminal:
        yield lambda _what, _percent: None
        return
    with progress_bar(console, TextColumn("{task.fields[name]}", markup=False)) as progress:
        task = progress.add_task("", total=100, name=raw.name)
        yield lambda what, percent: progress.update(task, description=what, completed=percent)


def _line(report: FileReport) -> str:
    what = f"the same content as {report.copy_of}" if report.copy_of else counts(report)
    return f"{report.file} → {report.table}: {what} ({report.status})"
