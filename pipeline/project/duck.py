"""DuckDB helpers: SQL literals, files to read, rows as dictionaries, views over Parquet."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from pipeline.project.errors import ChurnError

Row = dict[str, Any]


def quoted(text: str | Path) -> str:
    """Return a text or a path as a quoted SQL literal."""
    return "'" + str(text).replace("'", "''") + "'"


def name_sql(name: str) -> str:
    """Return the name of a column or table in double quotes, as SQL takes any."""
    return '"' + name.replace('"', '""') + '"'


def listed(texts: Iterable[str | Path]) -> str:
    """Return texts or paths as quoted literals, separated by commas."""
    return ", ".join(quoted(text) for text in texts)


def to_read(path: str | Path) -> str:
    """Return a file's path as DuckDB has to be given it to read that file and no other.

    DuckDB takes a path with `[`, `*` or `?` in it for a pattern. Paths that it only writes or
    attaches are taken as they are.

    Raises:
        ChurnError: The path also has a backslash, which no pattern can contain.
    """
    text = str(path)
    if _PATTERN.search(text) is None:
        return text
    if "\\" in text:
        raise ChurnError(
            "A path with a backslash and one of [ * ? in it cannot be read.",
            where=text,
            hint="Rename the file or the folder.",
        )
    return _PATTERN.sub(r"[\g<0>]", text)


def file_sql(path: str | Path) -> str:
    """Return a file to read as a quoted SQL literal, for read_csv, read_parquet and `from`."""
    return quoted(to_read(path))


def files_sql(paths: Iterable[str | Path]) -> str:
    """Return files to read as quoted SQL literals, separated by commas."""
    return listed(map(to_read, paths))


def folder_sql(folder: str | Path) -> str:
    """Return the Parquet files of a folder as one quoted SQL literal, however many they are."""
    return quoted(f"{to_read(folder)}/*.parquet")


_PATTERN = re.compile(r"[\[*?]")


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
        files: Files; without any the relation is empty.
        columns: Name → DuckDB type. A column that the files lack is null.
    """
    names = files_sql(files)
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
