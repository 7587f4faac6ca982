"""Loads one raw file: unpacks, validates and types it into scratch; committed later."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.ingest import lake
from pipeline.ingest.convert import convert
from pipeline.ingest.deduplicate import deduplicate
from pipeline.ingest.digest import Digest, digest
from pipeline.ingest.engine import connect
from pipeline.ingest.known import Contents, KnownFile
from pipeline.ingest.read import Reading, open_reading
from pipeline.ingest.reject import Rejection, RejectionReason, reject, sample_reasons
from pipeline.ingest.unpack import unpack
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable

# Called with the current step and its progress in percent.
Step = Callable[[str, float], None]


@dataclass(frozen=True)
class Copy:
    """A file that is skipped, because its content is in the lake under another name."""

    of: str


@dataclass(frozen=True)
class _Rows:
    """Counts of a file's rows by what happened to them."""

    kept: int
    rejection: Rejection
    duplicates: int
    span: list[str] | None


def load_file(
    known: KnownFile,
    contents: Contents,
    home: Home,
    scratch: Path,
    step: Step,
    memory: str | None = None,
) -> lake.Staged | Copy:
    """Load one raw file into scratch and record its content.

    Raises:
        ChurnError: The file cannot be used.
    """
    raw, table = known.raw, known.raw.table
    folder = lake.folder_name(raw, known.content.sha256)
    place = lake.Place(home, table.domain, table.name, folder)
    parquet = scratch / "lake" / table.name / folder
    quarantine = scratch / "quarantine" / table.name / folder
    unpacked = scratch / "raw"
    try:
        step("unpacking", 0)
        path = unpack(raw, unpacked)
        content = _unpacked_content(known, path)
        if original := contents.same_as(raw, content.sha256):
            return Copy(original)
        with connect(scratch / "spill", memory) as con:
            reading = open_reading(raw, path, con)
            rows = _write(reading, content, parquet, quarantine, con, step)
    except duckdb.Error as error:
        raise ChurnError(
            "The file cannot be read.",
            where=f"{raw.name}: {str(error).partition(chr(10))[0]}",
            hint="Save it as a plain CSV in UTF-8, with commas and one kind of line ending.",
        ) from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    contents.add(raw, content.sha256)
    record = lake.Record(
        raw_file=raw.name,
        logical_name=raw.logical_name,
        content_hash=known.content.sha256,
        source_fingerprint=table.fingerprint(),
        rows=rows.kept,
        quarantined=rows.rejection.rows,
        reasons=[[r.column, r.reason, r.values] for r in rows.rejection.reasons],
        ignored_columns=list(reading.ignored),
        absent_columns=list(reading.absent),
        ingested_at=lake.now(),
        seen=known.seen,
        duplicates=rows.duplicates,
        unpacked_hash=content.sha256,
        event_span=rows.span,
    )
    return lake.Staged(place, record, parquet, quarantine)


def _unpacked_content(known: KnownFile, path: Path) -> Digest:
    """Return the content hash of the file that DuckDB reads, with its lines if it is a CSV."""
    is_as_it_lay = path == known.raw.path
    if is_as_it_lay and (known.raw.format == "parquet" or known.content.lines is not None):
        return known.content
    return digest(path)


def _write(
    reading: Reading,
    content: Digest,
    parquet: Path,
    quarantine: Path,
    con: duckdb.DuckDBPyConnection,
    step: Step,
) -> _Rows:
    """Write a file's good rows and bad values to scratch; return their counts."""
    lines = _lines(reading, content, con)
    header = 0 if reading.raw.format == "parquet" else 1
    if lines <= header:
        raise ChurnError(
            "The file has no rows.",
            where=reading.raw.name,
            hint="Download or export the file again, or remove it from the directory.",
        )
    good = convert(reading, parquet, con, lambda percent: step("reading", percent))
    if good == 0:
        raise _no_good_row(reading, sample_reasons(reading, con))
    rejection = Rejection(0, ())
    if good != lines - header:
        rejection = reject(
            reading,
            quarantine,
            con,
            lambda percent: step("finding bad values", percent),
            good=good,
            lines=lines,
        )
    if not reading.table.deduplicate:
        return _Rows(good, rejection, 0, None)
    duplicates = deduplicate(
        reading.table, parquet, con, lambda percent: step("finding duplicates", percent)
    )
    return _Rows(good - duplicates, rejection, duplicates, _span(reading.table, parquet, con))


def _lines(reading: Reading, content: Digest, con: duckdb.DuckDBPyConnection) -> int:
    """Return the number of lines of a CSV, or of rows of a Parquet file."""
    if reading.raw.format != "parquet":
        return content.lines or 0
    row = con.execute(
        "select sum(num_rows) from parquet_file_metadata(?)", [str(reading.path)]
    ).fetchone()
    return int(row[0]) if row else 0


def _span(table: SourceTable, parquet: Path, con: duckdb.DuckDBPyConnection) -> list[str] | None:
    """Return the first and last event time, as sortable text."""
    if table.event_time is None:
        return None
    time = f'"{table.event_time}"'
    row = con.execute(
        f"select min({time})::varchar, max({time})::varchar from read_parquet(?)",
        [[str(path) for path in parquet.rglob("*.parquet")]],
    ).fetchone()
    return list(row) if row and row[0] else None


def _no_good_row(reading: Reading, reasons: tuple[RejectionReason, ...]) -> ChurnError:
    found = "; ".join(str(reason) for reason in reasons[:5]) or "only empty lines"
    types = ", ".join(
        f"{c.name} {c.data_type}" + (f" as {c.format}" if c.format else "")
        for c in reading.table.raw_columns
    )
    return ChurnError(
        "The file has no usable row.",
        where=f"{reading.raw.name}\n  header found: {','.join(reading.header)}"
        f"\n  wrong in its first rows: {found}",
        hint=f"Expected columns: {types}.",
    )
