"""Uploaded files: recognises their table and checks that they are safe to open."""

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ingest.discover import recognised_names
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.sources import source_tables
from pipeline.realtime.rows import LONGEST_TEXT

MOST_FILES = 50
# Subfolders of a job's folder: the upload, and the attempts' files.
RAW, ATTEMPTS = "raw", "attempts"
_LOOKED_AT = 65_536
_NAME = re.compile(r"\w[\w.() -]{0,150}\.(csv|parquet)")


@dataclass(frozen=True)
class Limits:
    """Limits on the content of an uploaded Parquet file.

    Attributes:
        rows: Rows.
        columns: Columns.
        bytes: Unpacked bytes according to the metadata, and bytes of all values together.
        seconds: Duration of the check.
    """

    rows: int = 20_000_000
    columns: int = 200
    bytes: int = 4 << 30
    seconds: float = 60.0


LIMITS = Limits()


def folder_of(home: Home, job_id: str) -> Path:
    """Return a job's folder."""
    return home.batch / job_id


def forget_rows(home: Home, job_id: str) -> None:
    """Delete the raw rows of a job that has ended; its results stay."""
    for name in (RAW, ATTEMPTS):
        shutil.rmtree(folder_of(home, job_id) / name, ignore_errors=True)


def check_name(domain: str, name: str) -> str:
    """Return the logical name of an uploaded file, `<name>.csv`.

    Raises:
        ChurnError: It is not a valid file name, or belongs to no table.
    """
    tables = source_tables(domain)
    if not _NAME.fullmatch(name) or ".." in name:
        raise ChurnError(
            f"{name[:80]!r} is not a name of a CSV or Parquet file.", hint=recognised(domain)
        )
    logical = re.sub(r"\.parquet$", ".csv", name)
    if not any(table.holds(logical) for table in tables):
        raise ChurnError(f"{name[:80]!r} belongs to no table.", hint=recognised(domain))
    return logical


def recognised(domain: str) -> str:
    """Return a sentence that lists the recognised file names."""
    names = recognised_names(source_tables(domain)).partition(", each also")[0]
    return f"{names}, each as .csv or .parquet."


def check_parquet(path: Path, limits: Limits = LIMITS) -> None:
    """Refuse a Parquet file that unpacks to far more than its size, before any row is stored.

    Metadata can be wrong, and a dictionary can stand for any number of long values. So the
    metadata are checked first, then the total length of all values, computed from dictionaries
    without unpacking.

    Raises:
        ChurnError: It is not a Parquet file, has no columns, or is too large.
    """
    try:
        with _opened(path) as file:
            metadata, schema = file.metadata, file.schema_arrow
            texts = [
                file.schema.column(at).path
                for at in range(len(file.schema))
                if file.schema.column(at).physical_type == "BYTE_ARRAY"
            ]
        if not schema.names:
            raise ChurnError(
                "The file has no columns.",
                where=path.name,
                hint="Write the file again, with columns.",
            )
        unpacked = sum(
            metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups)
        )
        if (
            metadata.num_rows > limits.rows
            or metadata.num_columns > limits.columns
            or unpacked > limits.bytes
        ):
            raise _too_large(
                path,
                f"{metadata.num_rows:,} rows, {metadata.num_columns:,} columns, {unpacked:,} bytes",
                limits,
            )
        if nested := [field.name for field in schema if pa.types.is_nested(field.type)]:
            raise ChurnError(
                f"These columns contain nested values: {', '.join(nested[:5])}.",
                where=path.name,
                hint="Write one plain value per cell.",
            )
        _check_texts(path, texts, limits)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ChurnError(
            "The file cannot be read as Parquet; it is truncated or damaged.",
            where=path.name,
            hint="Write the file again and send it again.",
        ) from error


def _opened(path: Path, texts: list[str] | None = None) -> pq.ParquetFile:
    return pq.ParquetFile(
        path,
        read_dictionary=texts,
        thrift_string_size_limit=1 << 20,
        thrift_container_size_limit=1 << 20,
    )


def _check_texts(path: Path, texts: list[str], limits: Limits) -> None:
    """Refuse values that are too long, singly or together; each value is read once."""
    total, until = 0, time.monotonic() + limits.seconds
    for name in texts:
        with _opened(path, [name]) as file:
            for batch in file.iter_batches(_LOOKED_AT, columns=[name]):
                lengths, total_of = _lengths(batch.column(0))
                total += total_of
                if lengths > LONGEST_TEXT:
                    raise _too_large(path, f"a value of {name[:80]} has {lengths:,} bytes", limits)
                if total > limits.bytes:
                    raise _too_large(path, f"more than {total:,} bytes of text", limits)
                if time.monotonic() > until:
                    raise _too_large(path, "checking it takes too long", limits)


def _lengths(values: Any) -> tuple[int, int]:
    """Return the bytes of the longest value and of all values together."""
    if pa.types.is_dictionary(values.type):
        each = pc.binary_length(values.dictionary)
        every = pc.take(each, values.indices)
    else:
        each = every = pc.binary_length(values)
    return pc.max(each).as_py() or 0, pc.sum(every).as_py() or 0


def _too_large(path: Path, what: str, limits: Limits) -> ChurnError:
    return ChurnError(
        f"The file is too large when unpacked: {what}.",
        where=path.name,
        hint=f"Send it in parts. Limits: {limits.rows:,} rows, {limits.columns:,} columns, "
        f"{limits.bytes:,} bytes, {LONGEST_TEXT:,} characters per value.",
    )
