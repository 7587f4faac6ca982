"""Loads one raw file: unpacks, validates and types it into scratch; committed later."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import duckdb

from pipeline.ingest import lake
from pipeline.ingest.convert import convert
from pipeline.ingest.deduplicate import deduplicate
from pipeline.ingest.digest import Digest, digest
from pipeline.ingest.engine import connect
from pipeline.ingest.first_seen import keep_first_seen
from pipeline.ingest.forgotten import leave_out_forgotten
from pipeline.ingest.known import Contents, KnownFile
from pipeline.ingest.limits import check_quarantine
from pipeline.ingest.plain_text import as_utf_8, check_is_text, shown
from pipeline.ingest.read import Reading, open_reading
from pipeline.ingest.reject import NOTHING, Rejection, RejectionReason, reject, sample_reasons
from pipeline.ingest.unpack import unpack
from pipeline.project.clock import today
from pipeline.project.duck import files_sql
from pipeline.project.errors import ChurnError
from pipeline.project.failures import in_words
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable

# Called with the current step and its progress in percent.
Step = Callable[[str, float], None]
_ON_ONE_ROW = (0, 0)


@dataclass(frozen=True)
class Options:
    """What one call of ingest wants of every file.

    Attributes:
        memory: Bytes that DuckDB may use where CHURN_MEMORY allows more; None for no such bound.
        accept: Why rows in quarantine above the limit are accepted; None if they are not.
    """

    memory: int | None = None
    accept: str | None = None


@dataclass(frozen=True)
class Copy:
    """A file that is skipped, because its content is in the lake under another name."""

    of: str


@dataclass(frozen=True)
class _Rows:
    """A file's rows by what happened to them.

    Attributes:
        good: Rows in Parquet.
        rejection: Rows in quarantine.
        spread: Rows with a value that holds line ends.
        widest: Line and number of lines of the row with most of them.
    """

    good: int
    rejection: Rejection = NOTHING
    spread: int = 0
    widest: tuple[int, int] = _ON_ONE_ROW


def load_file(
    known: KnownFile,
    contents: Contents,
    home: Home,
    scratch: Path,
    step: Step,
    options: Options,
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
    unpacked.mkdir(parents=True, exist_ok=True)
    try:
        step("unpacking", 0)
        path = unpack(raw, unpacked)
        content = _unpacked_content(known, path)
        if original := contents.same_as(raw, content.sha256):
            return Copy(original)
        with connect(scratch / "spill", options.memory) as con:
            if raw.format == "csv":
                check_is_text(path, raw.name, known.encoding)
                text = as_utf_8(path, unpacked / "utf-8.csv", raw.name, known.encoding)
                lines = content if text == path else digest(text)
                path = text
            reading = open_reading(raw, path, con, known.encoding)
            if raw.format == "csv":
                rows = _write_csv(reading, lines, unpacked, parquet, quarantine, con, step)
            else:
                rows = _write_parquet(reading, parquet, quarantine, con, step)
            forgotten = leave_out_forgotten(home, table, parquet, quarantine, con)
            rows = replace(rows, good=rows.good - forgotten)
            duplicates = 0
            if table.deduplicate:
                duplicates = deduplicate(table, parquet, con, _watch(step, "finding duplicates"))
            if known.place and known.record:
                watch = _watch(step, "finding rows seen before")
                keep_first_seen(table, known.place.lake, parquet, con, watch)
            span, ahead = _span(table, parquet, con)
    except duckdb.Error as error:
        if told := in_words(error):
            raise told from error
        raise ChurnError(
            "The file cannot be read.",
            where=f"{raw.name}: {str(error).partition(chr(10))[0]}",
            hint="Save it as a plain CSV in UTF-8, with commas and one kind of line ending.",
        ) from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    accepted = check_quarantine(known, rows.good, rows.rejection, options.accept)
    contents.add(raw, content.sha256)
    record = lake.Record(
        raw_file=raw.name,
        logical_name=raw.logical_name,
        content_hash=known.content.sha256,
        source_fingerprint=table.fingerprint(),
        rows=rows.good - duplicates,
        quarantined=rows.rejection.rows,
        reasons=[[r.column, r.reason, r.values] for r in rows.rejection.reasons],
        ignored_columns=list(reading.ignored),
        absent_columns=list(reading.absent),
        ingested_at=lake.now(),
        seen=known.seen,
        duplicates=duplicates,
        unpacked_hash=content.sha256,
        event_span=span,
        encoding=known.encoding,
        accepted=accepted,
        spread=rows.spread,
        widest=list(rows.widest),
        ahead=ahead,
        forgotten=forgotten,
    )
    return lake.Staged(place, record, parquet, quarantine)


def _unpacked_content(known: KnownFile, path: Path) -> Digest:
    """Return the content hash of the unpacked file, with its lines if it is a CSV."""
    is_as_it_lay = path == known.raw.path
    if is_as_it_lay and (known.raw.format == "parquet" or known.content.lines is not None):
        return known.content
    return digest(path)


def _write_parquet(
    reading: Reading,
    parquet: Path,
    quarantine: Path,
    con: duckdb.DuckDBPyConnection,
    step: Step,
) -> _Rows:
    """Write the good rows and bad values of a Parquet file to scratch."""
    row = con.execute(
        f"select sum(num_rows) from parquet_file_metadata([{files_sql([reading.path])}])"
    ).fetchone()
    rows = int(row[0]) if row else 0
    if rows == 0:
        raise _no_rows(reading)
    good = convert(reading, parquet, con, _watch(step, "reading"))
    if good == 0:
        raise _no_good_row(reading, sample_reasons(reading, con))
    if good == rows:
        return _Rows(good)
    watch = _watch(step, "finding bad values")
    rejection = reject(reading, quarantine, con, watch, found=None)
    _check_complete(reading, rows, good, rejection.rows)
    return _Rows(good, rejection)


def _write_csv(
    reading: Reading,
    content: Digest,
    scratch: Path,
    parquet: Path,
    quarantine: Path,
    con: duckdb.DuckDBPyConnection,
    step: Step,
) -> _Rows:
    """Write the good rows and bad values of a CSV to scratch.

    As many good rows as lines: every row is there. Otherwise the records are counted without
    DuckDB, and where its rows and bad rows are not as many, it reads a copy of those it can.
    """
    good = None
    if content.has_one_line_end:
        if content.lines == 1:
            raise _no_rows(reading)
        good = _converted(reading, parquet, con, step)
        if good == (content.lines or 0) - 1:
            return _Rows(good)
    # numba, which only such files need, takes a second to load
    from pipeline.ingest.records import survey

    step("counting rows", 0)
    is_one_column = len(reading.header) == 1
    found = survey(reading.path, is_one_column=is_one_column)
    if found.records <= 0:
        raise _no_rows(reading)
    if good is not None and not found.unfit:
        if good == found.records:
            return _Rows(good, spread=found.spread, widest=found.widest)
        if good == 0:
            raise _no_good_row(reading, sample_reasons(reading, con))
        watch = _watch(step, "finding bad values")
        rejection = reject(reading, quarantine, con, watch, found=found)
        if good + rejection.rows == found.records:
            return _Rows(good, rejection, found.spread, found.widest)
        shutil.rmtree(quarantine, ignore_errors=True)
    shutil.rmtree(parquet, ignore_errors=True)
    if found.unfit and found.unfit[0][0] == 1:
        line, text, reason = found.unfit[0]
        raise ChurnError(
            f"The header has {reason}.",
            where=f"{reading.raw.name}, line {line}: {shown(text)}",
            hint="Correct the header: column names, separated by commas.",
        )
    copy = scratch / "repaired.csv"
    step("setting bad rows aside", 0)
    survey(reading.path, is_one_column=is_one_column, repaired=copy)
    # Only the beginning of the file tells where a line end is inside a value.
    reading = replace(reading, path=copy, is_in_order=found.spread > 0)
    good = convert(reading, parquet, con, _watch(step, "reading again"))
    if good == 0:
        reasons = Counter(reason for _, _, reason in found.unfit)
        unfit = tuple(RejectionReason(None, *item) for item in reasons.items())
        raise _no_good_row(reading, (*sample_reasons(reading, con), *unfit))
    rejection = NOTHING
    if good < found.records:
        watch = _watch(step, "finding bad values")
        rejection = reject(reading, quarantine, con, watch, found=found, is_repaired=True)
    _check_complete(reading, found.records, good, rejection.rows)
    return _Rows(good, rejection, found.spread, found.widest)


def _converted(
    reading: Reading, parquet: Path, con: duckdb.DuckDBPyConnection, step: Step
) -> int | None:
    """Return the good rows that DuckDB wrote; None if it cannot read the file as it is."""
    try:
        return convert(reading, parquet, con, _watch(step, "reading"))
    except (duckdb.InvalidInputException, duckdb.ConversionException):
        return None


def _check_complete(reading: Reading, rows: int, good: int, bad: int) -> None:
    """Hold the rows in the lake and in quarantine against the rows of the file."""
    if good + bad != rows:
        raise ChurnError(
            f"Of {rows:,} rows, {good:,} were loaded and {bad:,} rejected; the rest is lost.",
            where=reading.raw.name,
            hint="Save the file as a plain CSV, separated by commas and quoted with double quotes.",
        )


def _watch(step: Step, what: str) -> Callable[[float], None]:
    return lambda percent: step(what, percent)


def _span(
    table: SourceTable, parquet: Path, con: duckdb.DuckDBPyConnection
) -> tuple[list[str] | None, int]:
    """Return the first and last event time as sortable text, and the rows dated after today."""
    if table.event_time is None:
        return None, 0
    rows = f"read_parquet([{files_sql(parquet.rglob('*.parquet'))}], hive_partitioning = false)"
    time, after = f'"{table.event_time}"', f"date '{today() + timedelta(days=1)}'"
    row = con.execute(
        f"select min({time})::varchar, max({time})::varchar, max({time}) >= {after} from {rows}"
    ).fetchone()
    if row is None or row[0] is None:
        return None, 0
    ahead = (0,)
    if row[2]:
        ahead = (
            con.execute(f"select count(*) from {rows} where {time} >= {after}").fetchone() or ahead
        )
    return [row[0], row[1]], int(ahead[0])


def _no_rows(reading: Reading) -> ChurnError:
    return ChurnError(
        "The file has no rows.",
        where=reading.raw.name,
        hint="Download or export the file again, or remove it from the directory.",
    )


def _no_good_row(reading: Reading, reasons: tuple[RejectionReason, ...]) -> ChurnError:
    found = "; ".join(str(reason) for reason in reasons[:5]) or "only empty lines"
    types = ", ".join(
        f"{c.name} {c.data_type}" + (f" as {c.format}" if c.format else "")
        for c in reading.table.raw_columns
    )
    return ChurnError(
        "The file has no usable row.",
        where=f"{reading.raw.name}\n  header found: {shown(','.join(reading.header))}"
        f"\n  wrong in its first rows: {found}",
        hint=f"Expected columns: {types}.",
    )
