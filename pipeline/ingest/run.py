"""The ingest step: every file of a raw directory is validated, then all are put in place."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from pipeline.errors import ChurnError
from pipeline.ingest import commit
from pipeline.ingest.convert import convert
from pipeline.ingest.digest import Digest, digest
from pipeline.ingest.discover import Discovery, RawFile, discover, recognised_names
from pipeline.ingest.engine import connect
from pipeline.ingest.read import Reading, open_reading
from pipeline.ingest.reject import Reason, Rejection, reject, sample_reasons
from pipeline.ingest.summary import FileReport, IngestSummary, MissingTable, Status
from pipeline.ingest.unpack import unpack
from pipeline.settings import Home
from pipeline.sources import SourceTable, source_tables

# Told what is being done to a file and how far it is, in percent.
Step = Callable[[str, float], None]


def ingest(domain: str, raw_dir: Path, home: Home, *, console: Console) -> IngestSummary:
    """Bring the raw files of a directory into the lake.

    Idempotent by content: a file whose bytes are in the lake already is left alone. Either every
    file of the call is taken or none.

    Args:
        domain: A folder under `models/` with a sources YAML.
        raw_dir: The directory that holds the raw files.
        home: Where lake and quarantine are.
        console: Shows progress; one line per file when it is no terminal.

    Raises:
        ChurnError: A file, the directory or CHURN_HOME cannot be used; the lake is as before.
    """
    tables = source_tables(domain)
    try:
        found = discover(raw_dir, tables)
        origin = commit.check_origin(home, domain, raw_dir)
        missing = _missing_tables(found, tables, home, raw_dir)
        with commit.scratch(home) as scratch:
            reports, staged = [], []
            commit.settle(home, domain, scratch)
            for raw in found.files:
                with _shown(raw, console) as step:
                    report, file = _take(raw, home, scratch, step)
                reports.append(report)
                staged += [file] if file else []
                if not console.is_terminal:
                    console.print(_line(report), markup=False, highlight=False, soft_wrap=True)
            commit.commit(staged, home, domain, origin, scratch)
    except duckdb.Error as error:
        raise ChurnError("DuckDB could not go on.", where=str(error)) from error
    except OSError as error:
        raise ChurnError(
            f"A file or folder cannot be used: {error.strerror or error}.",
            where=str(error.filename or raw_dir),
            hint=f"CHURN_HOME ({home.root}) must be a folder that can be written and has room"
            f" for the lake; {raw_dir} must be readable.",
        ) from error
    return IngestSummary(
        domain=domain,
        origin=origin,
        files=tuple(reports),
        missing=missing,
        shadowed=found.shadowed,
        unrecognised=found.unrecognised,
        quarantine=home.quarantine / domain,
    )


def _take(
    raw: RawFile, home: Home, scratch: Path, step: Step
) -> tuple[FileReport, commit.Staged | None]:
    """Validate one file into scratch; nothing is staged when the lake has it already."""
    domain, table, fingerprint = raw.table.domain, raw.table.name, raw.table.fingerprint()
    earlier_folder, earlier = commit.latest(home, domain, table, raw.logical_name)
    seen = [*commit.seen(raw.path), raw.member]
    step("hashing", 0)
    if earlier and earlier.seen == seen:
        content = Digest(earlier.content_hash, lines=None)
    else:
        content = digest(raw.path)
    same = (content.sha256, fingerprint)
    if earlier and (earlier.content_hash, earlier.source_fingerprint) == same:
        place = commit.Place(home, domain, table, earlier_folder)
        return _report(raw, earlier, "unchanged", place), None

    place = commit.Place(home, domain, table, commit.folder_name(raw, content.sha256))
    lake = scratch / "lake" / table / place.folder
    quarantine = scratch / "quarantine" / table / place.folder
    reading, rows, rejection = _validate(raw, content, scratch, lake, quarantine, step)
    record = commit.Record(
        raw_file=raw.name,
        logical_name=raw.logical_name,
        content_hash=content.sha256,
        source_fingerprint=fingerprint,
        rows=rows,
        quarantined=rejection.rows,
        reasons=[[reason.column, reason.reason, reason.values] for reason in rejection.reasons],
        ignored_columns=list(reading.ignored),
        absent_columns=list(reading.absent),
        ingested_at=commit.now(),
        seen=seen,
    )
    report = _report(raw, record, "replaced" if earlier else "ingested", place)
    return report, commit.Staged(place, record, lake, quarantine)


def _validate(
    raw: RawFile, content: Digest, scratch: Path, lake: Path, quarantine: Path, step: Step
) -> tuple[Reading, int, Rejection]:
    """Write a file's good rows and bad values to scratch; return how many there are."""
    unpacked = scratch / "raw"
    try:
        step("unpacking", 0)
        path = unpack(raw, unpacked)
        with connect(scratch / "spill") as con:
            reading = open_reading(raw, path, con)
            lines = _lines(reading, content, con)
            header = 0 if raw.format == "parquet" else 1
            if lines <= header:
                raise ChurnError(
                    "The file has no rows.",
                    where=raw.name,
                    hint="Get the file again, or remove it from the directory.",
                )
            rows = convert(reading, lake, con, lambda percent: step("reading", percent))
            if rows == 0:
                raise _no_good_row(reading, sample_reasons(reading, con))
            if rows == lines - header:
                return reading, rows, Rejection(0, ())
            return (
                reading,
                rows,
                reject(
                    reading,
                    quarantine,
                    con,
                    lambda percent: step("finding bad values", percent),
                    good=rows,
                    lines=lines,
                ),
            )
    except duckdb.Error as error:
        raise ChurnError(
            "The file cannot be read.",
            where=f"{raw.name}: {str(error).partition(chr(10))[0]}",
            hint="Save it as a plain csv in UTF-8, with commas and one kind of line end.",
        ) from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _lines(reading: Reading, content: Digest, con: duckdb.DuckDBPyConnection) -> int:
    """Return the lines of a csv, the rows of a Parquet file."""
    if reading.raw.format == "parquet":
        row = con.execute(
            "select sum(num_rows) from parquet_file_metadata(?)", [str(reading.path)]
        ).fetchone()
        return int(row[0]) if row else 0
    if reading.path == reading.raw.path and content.lines is not None:
        return content.lines
    return digest(reading.path).lines or 0


def _no_good_row(reading: Reading, reasons: tuple[Reason, ...]) -> ChurnError:
    found = "; ".join(str(reason) for reason in reasons[:5]) or "only empty lines"
    types = ", ".join(
        f"{c.name} {c.data_type}" + (f" as {c.format}" if c.format else "")
        for c in reading.table.columns
    )
    return ChurnError(
        "The file has no row that can be used.",
        where=f"{reading.raw.name}\n  header found: {','.join(reading.header)}"
        f"\n  wrong in its first rows: {found}",
        hint=f"Expected are {types}.",
    )


def _missing_tables(
    found: Discovery, tables: tuple[SourceTable, ...], home: Home, raw_dir: Path
) -> tuple[MissingTable, ...]:
    """Return the optional tables without data; a required one is refused."""
    there = {raw.table.name for raw in found.files}
    lacking = [
        table
        for table in tables
        if table.name not in there and not commit.records(home, table.domain, table.name)
    ]
    for table in lacking:
        if table.required:
            raise ChurnError(
                f"The files of {table.name!r} are missing, and nothing can be built without them.",
                where=f"{raw_dir} holds {', '.join(raw.name for raw in found.files)}.",
                hint=f"Add {' or '.join(table.files)}. {recognised_names(tables)}",
            )
    return tuple(
        MissingTable(
            table.name,
            table.files,
            f"What is computed from {' or '.join(table.files)} will be null or empty.",
        )
        for table in lacking
    )


def _report(raw: RawFile, record: commit.Record, status: Status, place: commit.Place) -> FileReport:
    return FileReport(
        file=raw.name,
        table=raw.table.name,
        rows_read=record.rows + record.quarantined,
        rows=record.rows,
        quarantined=record.quarantined,
        reasons=tuple(Reason(*reason) for reason in record.reasons),
        status=status,
        ignored_columns=tuple(record.ignored_columns),
        absent_columns=tuple(record.absent_columns),
        quarantine=place.quarantine if record.quarantined else None,
    )


@contextmanager
def _shown(raw: RawFile, console: Console) -> Iterator[Step]:
    """Show a bar for one file on a terminal, nothing elsewhere."""
    if not console.is_terminal:
        yield lambda _what, _percent: None
        return
    columns = (
        TextColumn("{task.fields[name]}", markup=False),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=100, name=raw.name)
        yield lambda what, percent: progress.update(task, description=what, completed=percent)


def _line(report: FileReport) -> str:
    counts = f"{report.rows:,} rows, {report.quarantined:,} in quarantine"
    return f"{report.file} → {report.table}: {counts} ({report.status})"
