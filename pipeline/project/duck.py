"""DuckDB helpers: sessions for large data, SQL literals, files to read, rows as dictionaries."""

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb

from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.memory import BESIDE_LEARNING_SHARE, duckdb_limit

Row = dict[str, Any]


def open_large(
    home: Home,
    purpose: str,
    database: Path | None = None,
    *,
    share: float = 1.0,
    config: Mapping[str, str] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open a session for as many rows as there are: limited by CHURN_MEMORY, and it spills.

    Look-ups need none of it.

    Args:
        home: CHURN_HOME; its scratch takes what does not fit.
        purpose: Name of the folder for it; DuckDB makes and removes it. Two sessions of a process
            that are open at a time have two.
        database: A file to read; None for one in memory.
        share: Part of CHURN_MEMORY that it may use.
        config: Further settings of DuckDB.

    Raises:
        ChurnError: CHURN_MEMORY cannot be used.
    """
    limit = duckdb_limit(share)
    given: dict[str, str | bool | int | float | list[str]] = dict(config or {})
    connection = (
        duckdb.connect(config=given)
        if database is None
        else duckdb.connect(str(database), read_only=True, config=given)
    )
    limit_memory(connection, home, purpose, limit)
    return connection


def open_beside_learning(home: Home) -> duckdb.DuckDBPyConnection:
    """Open the warehouse to read, and leave memory to a model that learns or scores.

    Raises:
        ChurnError: CHURN_MEMORY cannot be used.
    """
    return open_large(home, "learning", home.warehouse, share=BESIDE_LEARNING_SHARE)


def limit_memory(
    connection: duckdb.DuckDBPyConnection, home: Home, purpose: str, limit: str
) -> None:
    """Limit the memory of a session, and let it spill where CHURN_HOME can be written.

    Args:
        connection: The session.
        home: CHURN_HOME.
        purpose: Name of the folder in its scratch.
        limit: What DuckDB takes as `memory_limit`.
    """
    # not as a part of `config`: a process cannot open a file twice with two configurations
    connection.execute(f"set memory_limit = {quoted(limit)}")
    # of this process alone: two that spill into one folder write over each other's files
    spill = home.work / "duckdb" / f"{purpose}_{os.getpid()}"
    try:
        spill.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    row = connection.execute("select current_setting('temp_directory')").fetchone()
    # once rows have been spilled the folder is fixed, for all sessions of that file
    if row != (str(spill),) and os.access(spill.parent, os.W_OK):
        with suppress(duckdb.Error):
            connection.execute(f"set temp_directory = {quoted(spill)}")


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
