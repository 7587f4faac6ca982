"""Writes a file's good rows as Parquet: one pass, split by month where the table asks for it."""

from collections.abc import Callable
from pathlib import Path

import duckdb

from pipeline.ingest.engine import execute
from pipeline.ingest.parse import is_good, value
from pipeline.ingest.read import Reading

# Measured on 15 M log rows: level 1 costs no more than snappy and is a fifth smaller; version 2
# encodings (deltas) take a fifth off the writing.
_PARQUET = "format parquet, compression zstd, compression_level 1, parquet_version v2"
_MONTH = "_month"


def convert(
    reading: Reading,
    folder: Path,
    con: duckdb.DuckDBPyConnection,
    watch: Callable[[float], None],
) -> int:
    """Write the rows whose every value is good into a folder and return their number.

    Rows that cannot be read are left out without a word: the caller counts, and only a file that
    lacks some is read again (see `reject`), which keeps a clean file to one pass.
    """
    folder.mkdir(parents=True)
    # Rows need no order; keeping the file's would hold threads back.
    con.execute("set preserve_insertion_order = false")
    table = reading.table
    if table.partition_by is None:
        copy = f"copy ({_good_rows(reading)}) to '{_sql(folder / 'data.parquet')}' ({_PARQUET})"
        return _count(execute(con, copy, watch))
    day = f'"{table.partition_by}"'
    # A number, because formatting a date for each row is slow; the folders are renamed instead.
    month = f"select *, year({day}) * 100 + month({day}) as {_MONTH} from ({_good_rows(reading)})"
    options = f"{_PARQUET}, partition_by ({_MONTH}), overwrite_or_ignore true"
    written = _count(execute(con, f"copy ({month}) to '{_sql(folder)}' ({options})", watch))
    for part in folder.iterdir():
        digits = part.name.removeprefix(f"{_MONTH}=")
        part.rename(folder / f"month={digits[:-2]}-{digits[-2:]}")
    return written


def _good_rows(reading: Reading) -> str:
    columns = reading.table.columns
    typed = ", ".join(
        value(c, reading.scans.get(c.name, "text"), f'"raw_{c.name}"') + f' as "{c.name}"'
        for c in columns
    )
    good = " and ".join(
        is_good(c, f'"raw_{c.name}"', f'"{c.name}"') for c in columns if c.name in reading.scans
    )
    names = ", ".join(f'"{c.name}"' for c in columns)
    return f"select {names} from (select *, {typed} from {reading.typed_scan()}) where {good}"


def _count(rows: list[tuple[object, ...]]) -> int:
    return int(str(rows[0][0]))


def _sql(path: Path) -> str:
    return str(path).replace("'", "''")
