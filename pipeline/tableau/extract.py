"""Writes DuckDB tables into a Tableau extract (.hyper)."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipeline.project.duck import quoted
from pipeline.project.errors import ChurnError
from pipeline.tableau.fields import TYPES

# The schema that Tableau itself uses in extracts.
SCHEMA = "Extract"
GENERATION = "generation"
# Tables loaded at the same time: a single one leaves a core idle between its columns.
CONNECTIONS = 2


@dataclass(frozen=True)
class HyperColumn:
    """A column of the published file: its name and DuckDB type, lower case."""

    name: str
    data_type: str


@dataclass(frozen=True)
class _Table:
    """A table to load: its columns, the Parquet file with its rows, and their number."""

    name: str
    columns: Sequence[HyperColumn]
    copy: Path
    rows: int


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> list[HyperColumn]:
    """Return the columns of a relation.

    Raises:
        ChurnError: An extract cannot store the type of a column.
    """
    columns = [
        HyperColumn(row[0], str(row[1]).lower())
        for row in connection.execute(f"describe {relation}").fetchall()
    ]
    for column in columns:
        if column.data_type not in TYPES:
            raise ChurnError(
                f"{relation}.{column.name} is {column.data_type}, which an extract cannot store.",
                hint="Cast it in models/serving/ to a type that Tableau knows, such as varchar.",
            )
    return columns


def write_extract(
    connection: duckdb.DuckDBPyConnection,
    relations: dict[str, str],
    target: Path,
    scratch: Path,
    copies: Path | None = None,
) -> dict[str, int]:
    """Write relations into a new .hyper file.

    Hyper reads the Parquet copies that publish has written, which is many times faster than passing
    rows through Python; where a copy is missing or would be misread, DuckDB writes one. Hyper runs
    in its own process behind a local socket, loads two tables at a time, sends no usage data, and
    logs to the scratch folder.

    Args:
        connection: Connection with the relations.
        relations: Name of the table in the extract → DuckDB relation.
        target: File to write; must not exist.
        scratch: A folder to work in, emptied by the caller.
        copies: Folder of the tables' Parquet copies, named after the tables.

    Returns:
        Table → rows, as counted in the finished file.

    Raises:
        ChurnError: The API is not installed, or the file has other row counts than the source.
    """
    api = _api()
    scratch.mkdir(parents=True, exist_ok=True)
    with api.HyperProcess(
        telemetry=api.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU,
        parameters={"log_dir": str(scratch), "log_file_max_count": "1"},
    ) as hyper:
        with api.Connection(hyper.endpoint, str(target), api.CreateMode.CREATE) as extract:
            extract.catalog.create_schema(SCHEMA)
        # the largest first, so that no connection still loads it alone at the end
        tables = sorted(
            (
                _table(connection, name, relation, scratch, copies)
                for name, relation in relations.items()
            ),
            key=lambda table: -table.copy.stat().st_size,
        )
        waiting = iter(tables)
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            loads = [
                pool.submit(_load_all, api, hyper.endpoint, target, waiting)
                for _ in range(CONNECTIONS)
            ]
        counts = {name: rows for load in loads for name, rows in load.result().items()}
    for table in tables:
        if counts[table.name] != table.rows:
            raise ChurnError(
                f"{table.name} has {counts[table.name]} rows in the extract, not {table.rows}."
            )
    return {name: counts[name] for name in relations}


def _table(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    relation: str,
    scratch: Path,
    copies: Path | None,
) -> _Table:
    columns = columns_of(connection, relation)
    copy = copies / f"{name}.parquet" if copies else None
    if copy is None or not copy.exists() or _is_lossy(columns):
        copy = scratch / f"{name}.parquet"
        _write_parquet(connection, relation, columns, copy)
    found = connection.execute(f"select count(*) from {relation}").fetchone()
    return _Table(name, columns, copy, found[0] if found else 0)


def _is_lossy(columns: Sequence[HyperColumn]) -> bool:
    """Whether a Parquet copy has other values: it has no hugeint, so DuckDB writes a double."""
    return any(column.data_type == "hugeint" for column in columns)


def _write_parquet(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[HyperColumn], path: Path
) -> None:
    said = ", ".join(
        f'cast("{c.name}" as bigint) as "{c.name}"' if c.data_type == "hugeint" else f'"{c.name}"'
        for c in columns
    )
    connection.execute(f"copy (select {said} from {relation}) to {quoted(path)} (format parquet)")


def _load_all(api: Any, endpoint: Any, target: Path, waiting: Iterator[_Table]) -> dict[str, int]:
    """Load tables from the shared queue; return their rows, as counted in the file."""
    counts = {}
    with api.Connection(endpoint, str(target)) as extract:
        # next() on an iterator is atomic in the interpreter, so no table is loaded twice
        for table in waiting:
            name = f"{api.escape_name(SCHEMA)}.{api.escape_name(table.name)}"
            definitions = ", ".join(
                f"{api.escape_name(c.name)} {TYPES[c.data_type][0]}" for c in table.columns
            )
            extract.execute_command(f"create table {name} ({definitions})")
            source = api.escape_string_literal(str(table.copy))
            extract.execute_command(f"copy {name} from {source} with (format => 'parquet')")
            counts[table.name] = int(extract.execute_scalar_query(f"select count(*) from {name}"))
    return counts


def _api() -> Any:
    try:
        import tableauhyperapi
    except ImportError as missing:
        raise ChurnError(
            "Tableau's Hyper API is not installed.",
            where=str(missing),
            hint=".venv/bin/python -m pip install --editable '.[tableau]'",
        ) from missing
    return tableauhyperapi
