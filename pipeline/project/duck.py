"""DuckDB helpers: SQL literals, rows as dictionaries, typed views over Parquet."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

Row = dict[str, Any]


def quoted(text: str | Path) -> str:
    """Return a text or a path as a quoted SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def listed(texts: Iterable[str | Path]) -> str:
    """Return texts or paths as quoted literals, separated by commas."""
    return ", ".join(quoted(text) for text in texts)


def rows_of(found: duckdb.DuckDBPyConnection | duckdb.DuckDBPyRelation) -> list[Row]:
    """Return the rows of a query as dictionaries, in the order of its columns."""
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def parquet_select(
    connection: duckdb.DuckDBPyConnection, files: Iterable[str | Path], columns: Mapping[str, str]
) -> str:
    """Return a select of typed columns from Parquet files, as the macro `source_view` does.

    Args:
        connection: Used to read the files' columns.
        files: Files or one glob; without files the relation is empty.
        columns: Name → DuckDB type. A column that the files lack is null.
    """
    names = listed(files)
    if not names:
        typed = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in columns.items())
        return f"select {typed} where false"
    rows = f"read_parquet([{names}], union_by_name = true, hive_partitioning = false)"
    existing = {row[0] for row in connection.execute(f"describe from {rows}").fetchall()}
    typed = ", ".join(
        f"cast({name if name in existing else 'null'} as {kind}) as {name}"
        for name, kind in columns.items()
    )
    return f"select {typed} from {rows}"
