"""Files that were sent: which table each one is, and whether it may be opened at all."""

import re
import threading
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from pipeline.errors import ChurnError
from pipeline.ingest.discover import recognised_names
from pipeline.realtime.rows import LONGEST_TEXT
from pipeline.settings import Home
from pipeline.sources import source_tables

MOST_FILES = 50
_NAME = re.compile(r"\w[\w.() -]{0,150}\.(csv|parquet)")


@dataclass(frozen=True)
class Limits:
    """How much an uploaded file may turn out to hold.

    Attributes:
        rows: Rows of a Parquet file.
        columns: Columns of a Parquet file.
        bytes: Bytes that its metadata say it unpacks to, and bytes of all its values together.
        seconds: What looking at them may take.
    """

    rows: int = 20_000_000
    columns: int = 200
    bytes: int = 4 << 30
    seconds: float = 60.0


LIMITS = Limits()


def folder_of(home: Home, job_id: str) -> Path:
    """Return a job's folder."""
    return home.batch / job_id


def check_name(domain: str, name: str) -> str:
    """Return the logical name of an uploaded file, `<name>.csv`.

    Raises:
        ChurnError: It cannot be a file's name, or belongs to no table.
    """
    tables = source_tables(domain)
    if not _NAME.fullmatch(name) or ".." in name:
        raise ChurnError(
            f"{name[:80]!r} is no name of a csv or parquet file.", hint=recognised(domain)
        )
    logical = re.sub(r"\.parquet$", ".csv", name)
    if not any(table.holds(logical) for table in tables):
        raise ChurnError(f"{name[:80]!r} belongs to no table.", hint=recognised(domain))
    return logical


def recognised(domain: str) -> str:
    """Say which names of files are recognised."""
    names = recognised_names(source_tables(domain)).partition(", each also")[0]
    return f"{names}, each as .csv or .parquet."


def check_parquet(path: Path, limits: Limits = LIMITS) -> None:
    """Refuse a Parquet file that unpacks to far more than it is, before a row of it is kept.

    The metadata may lie and a dictionary may stand for any number of long values; so what the
    metadata say is checked first, then how long all values are together, which DuckDB tells from
    dictionaries without unpacking them.

    Raises:
        ChurnError: It is no Parquet file, or too large.
    """
    try:
        with pq.ParquetFile(
            path, thrift_string_size_limit=1 << 20, thrift_container_size_limit=1 << 20
        ) as file:
            told = file.metadata
    except Exception as error:  # whatever a made-up footer brings about
        raise ChurnError(
            "The file cannot be read as Parquet; it is cut short or damaged.",
            where=path.name,
            hint="Write it again.",
        ) from error
    unpacked = sum(told.row_group(at).total_byte_size for at in range(told.num_row_groups))
    if told.num_rows > limits.rows or told.num_columns > limits.columns or unpacked > limits.bytes:
        raise _too_large(
            path,
            f"{told.num_rows:,} rows, {told.num_columns:,} columns, {unpacked:,} bytes unpacked",
            limits,
        )
    with duckdb.connect(
        config={"memory_limit": "1GB", "threads": 1, "max_temp_directory_size": "0B"}
    ) as connection:
        source = f"read_parquet('{str(path).replace(chr(39), chr(39) * 2)}')"
        stop = threading.Timer(limits.seconds, connection.interrupt)
        stop.start()
        try:
            kinds = {
                row[0]: row[1] for row in connection.execute(f"describe from {source}").fetchall()
            }
            if nested := [name for name, kind in kinds.items() if _is_nested(kind)]:
                raise ChurnError(
                    f"The columns {', '.join(nested[:5])} hold more than one value each.",
                    where=path.name,
                    hint="Write one value in a cell.",
                )
            sizes = [
                f"{'strlen' if kind == 'VARCHAR' else 'octet_length'}({_quoted(name)})"
                for name, kind in kinds.items()
                if kind in ("VARCHAR", "BLOB")
            ]
            if not sizes:
                return
            lengths = ", ".join(
                f"coalesce(sum({size}), 0), coalesce(max({size}), 0)" for size in sizes
            )
            (found,) = connection.execute(f"select {lengths} from {source}").fetchall()
        except duckdb.Error as error:
            raise ChurnError(
                "The file cannot be read within the limits of memory and time.",
                where=path.name,
                hint="Write it again, in smaller parts.",
            ) from error
        finally:
            stop.cancel()
    total, longest = sum(found[0::2]), max(found[1::2])
    if total > limits.bytes or longest > LONGEST_TEXT:
        raise _too_large(path, f"{total:,} bytes of text, the longest value {longest:,}", limits)


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _too_large(path: Path, what: str, limits: Limits) -> ChurnError:
    return ChurnError(
        f"The file unpacks to too much: {what}.",
        where=path.name,
        hint=f"At most {limits.rows:,} rows, {limits.columns:,} columns, {limits.bytes:,} bytes "
        f"and {LONGEST_TEXT:,} characters a value; send it in parts.",
    )
