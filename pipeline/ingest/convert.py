"""Writes a file's good rows as Parquet in one pass, partitioned as the table's YAML says."""

from collections.abc import Callable
from pathlib import Path

import duckdb

from pipeline.ingest.engine import execute
from pipeline.ingest.parse import is_valid_sql, typed_value_sql
from pipeline.ingest.read import Reading
from pipeline.project.clock import today
from pipeline.project.duck import quoted
from pipeline.project.sources import FIRST_SEEN, MOMENTS, SourceColumn

# Measured on 15 M log rows: level 1 costs no more than snappy and is a fifth smaller; version 2
# encodings (deltas) save a fifth of the writing time. On 2 M events: the dictionary limit abandons
# dictionaries of ids that hardly repeat, which saves another fifth at the same size.
PARQUET = (
    "format parquet, compression zstd, compression_level 1, parquet_version v2,"
    " dictionary_size_limit 5000"
)


def convert(
    reading: Reading,
    folder: Path,
    con: duckdb.DuckDBPyConnection,
    watch: Callable[[float], None],
) -> int:
    """Write the rows without a bad value into a folder and return their number.

    Bad rows are silently skipped; the caller compares counts and re-reads the file if some are
    missing (see `reject`), so a clean file takes one pass.
    """
    folder.mkdir(parents=True)
    # The order of rows does not matter, and preserving it would slow threads down. Rows that are
    # close in the file still share a row group, so day filters prune if the file is sorted by time.
    con.execute("set preserve_insertion_order = false")
    columns = [reading.table.column(name) for name in reading.table.partition_by]
    if not columns:
        copy = f"copy ({_good_rows(reading)}) to {quoted(folder / 'data.parquet')} ({PARQUET})"
        return _count(execute(con, copy, watch))
    names = ", ".join(f"_part{place}" for place in range(len(columns)))
    parts = ", ".join(f"{_part(column)} as _part{place}" for place, column in enumerate(columns))
    rows = f"select *, {parts} from ({_good_rows(reading)})"
    options = f"{PARQUET}, partition_by ({names}), overwrite_or_ignore true"
    written = _count(execute(con, f"copy ({rows}) to {quoted(folder)} ({options})", watch))
    _name_parts(folder, columns)
    return written


def _good_rows(reading: Reading) -> str:
    columns = reading.table.raw_columns
    typed = ", ".join(
        typed_value_sql(c, reading.scans.get(c.name, "text"), f'"raw_{c.name}"') + f' as "{c.name}"'
        for c in columns
    )
    good = " and ".join(
        is_valid_sql(c, f'"raw_{c.name}"', f'"{c.name}"')
        for c in columns
        if c.name in reading.scans
    )
    kept = ", ".join(_made(c) for c in reading.table.columns)
    seen = f"date '{today()}' as {FIRST_SEEN}"
    return (
        f"select {kept}, {seen} from (select *, {typed} from {reading.typed_scan()}) where {good}"
    )


def _made(column: SourceColumn) -> str:
    name = f'"{column.name}"'
    return f'"{column.date_of}"::date as {name}' if column.date_of else name


def _part(column: SourceColumn) -> str:
    name = f'"{column.name}"'
    # A number, because formatting a date for each row is slow; the folders are renamed later.
    return f"year({name}) * 100 + month({name})" if column.data_type in MOMENTS else name


def _name_parts(folder: Path, columns: list[SourceColumn]) -> None:
    """Rename the folders of each level to `month=2017-03` or `<column>=<value>`."""
    column, *inner = columns
    for part in list(folder.iterdir()):
        value = part.name.partition("=")[2]
        is_month = column.data_type in MOMENTS
        name = f"month={value[:-2]}-{value[-2:]}" if is_month else f"{column.name}={value}"
        named = part.rename(folder / name)
        if inner:
            _name_parts(named, inner)


def _count(rows: list[tuple[object, ...]]) -> int:
    return int(str(rows[0][0]))
