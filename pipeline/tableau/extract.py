"""Write DuckDB tables into a Tableau extract (.hyper), all of them or one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipeline.errors import ChurnError
from pipeline.tableau.fields import TYPES

# The schema Tableau itself gives to extracts.
SCHEMA = "Extract"
GENERATION = "generation"


@dataclass(frozen=True)
class Column:
    """A column of the published file: its name and DuckDB type, lower case."""

    name: str
    data_type: str


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> list[Column]:
    """Return the columns of a relation.

    Raises:
        ChurnError: A column has a type that no extract can hold.
    """
    columns = [
        Column(row[0], str(row[1]).lower())
        for row in connection.execute(f"describe {relation}").fetchall()
    ]
    for column in columns:
        if column.data_type not in TYPES:
            raise ChurnError(
                f"{relation}.{column.name} is {column.data_type}, which no extract can hold.",
                hint="Cast it in models/serving/ to a type Tableau knows, varchar for one.",
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

    Hyper reads the Parquet copies that publish has written, which is many times faster than handing
    rows over in Python; where there is none that it reads right, DuckDB writes one. Hyper runs as a
    process of its own behind a local socket, sends no usage data, and leaves its log in the scratch
    folder.

    Args:
        connection: Where the relations are.
        relations: Name of the table in the extract → DuckDB relation.
        target: The file; must not be there.
        scratch: A folder to work in, emptied by the caller.
        copies: Folder of the tables' Parquet copies, named after the tables.

    Returns:
        Table → rows, as counted in the finished file.

    Raises:
        ChurnError: The API is not installed, or the file holds other counts than were read.
    """
    api = _api()
    scratch.mkdir(parents=True, exist_ok=True)
    with (
        api.HyperProcess(
            telemetry=api.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU,
            parameters={"log_dir": str(scratch), "log_file_max_count": "1"},
        ) as hyper,
        api.Connection(hyper.endpoint, str(target), api.CreateMode.CREATE) as extract,
    ):
        extract.catalog.create_schema(SCHEMA)
        counts = {}
        for table, relation in relations.items():
            columns = columns_of(connection, relation)
            copy = copies / f"{table}.parquet" if copies else None
            if copy is None or not copy.exists() or _is_lossy(columns):
                copy = scratch / "part.parquet"
                _write_parquet(connection, relation, columns, copy)
            rows = connection.execute(f"select count(*) from {relation}").fetchone()
            counts[table] = _load(api, extract, table, columns, copy)
            if rows != (counts[table],):
                raise ChurnError(f"{table} has {counts[table]} rows in the extract, not {rows}.")
    return counts


def _is_lossy(columns: Sequence[Column]) -> bool:
    """Whether a Parquet copy holds other values: it has no hugeint, DuckDB writes a double."""
    return any(column.data_type == "hugeint" for column in columns)


def _write_parquet(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[Column], path: Path
) -> None:
    said = ", ".join(
        f'cast("{c.name}" as bigint) as "{c.name}"' if c.data_type == "hugeint" else f'"{c.name}"'
        for c in columns
    )
    connection.execute(
        f"copy (select {said} from {relation}) to '{_quoted(path)}' (format parquet)"
    )


def _load(api: Any, extract: Any, table: str, columns: Sequence[Column], path: Path) -> int:
    name = f"{api.escape_name(SCHEMA)}.{api.escape_name(table)}"
    definitions = ", ".join(f"{api.escape_name(c.name)} {TYPES[c.data_type][0]}" for c in columns)
    extract.execute_command(f"create table {name} ({definitions})")
    source = api.escape_string_literal(str(path))
    extract.execute_command(f"copy {name} from {source} with (format => 'parquet')")
    return int(extract.execute_scalar_query(f"select count(*) from {name}"))


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


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
