"""Writes published tables as CSV for machines: exact, nothing escaped for a spreadsheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.project.duck import name_sql, open_large, quoted
from pipeline.project.errors import ChurnError
from pipeline.project.files import replaced
from pipeline.project.generations import current_file
from pipeline.project.home import Home

_FIELDS = "crm_fields"
# Tables of which every generation has a CSV copy; of others when somebody asks for one.
ALWAYS = "crm_"


@dataclass(frozen=True)
class CsvExport:
    """The files of an export.

    Attributes:
        generation: Name of the published generation.
        files: The CSV files.
        rows: Table → rows.
    """

    generation: str
    files: tuple[Path, ...]
    rows: dict[str, int]


def write_csv(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> int:
    """Write a table as CSV; return its number of rows.

    Text is in quotes, so that no reader takes an id for a number; a null is an empty field without
    them. Times say that they are UTC, as in the API. Numbers have a point and all their digits.
    """
    kinds = {row[0]: row[1] for row in connection.execute(f"describe {table}").fetchall()}
    columns = ", ".join(
        f"strftime({name_sql(column)}, '%Y-%m-%dT%H:%M:%S.%fZ') as {name_sql(column)}"
        if kind == "TIMESTAMP"
        else name_sql(column)
        for column, kind in kinds.items()
    )
    text = ", ".join(name_sql(column) for column, kind in kinds.items() if kind == "VARCHAR")
    quotes = f", force_quote ({text})" if text else ""
    row = connection.execute(
        f"copy (select {columns} from {table}) to {quoted(path)} (format csv, header{quotes})"
    ).fetchone()
    return int(row[0]) if row else 0


def write_mapped_csv(connection: duckdb.DuckDBPyConnection, table: str, folder: Path) -> None:
    """Write the CRM rows of each domain that maps columns for its CRM, with a column for each.

    The file is `<table>_<domain>.csv`. A name that the table has, too, gets `crm_` before it.
    """
    names = [row[0] for row in connection.execute(f"describe {table}").fetchall()]
    if _FIELDS not in names:
        return
    keys: dict[str, list[str]] = {}
    for domain, name in connection.execute(
        f"select distinct domain, unnest(json_keys({_FIELDS})) as name from {table} order by all"
    ).fetchall():
        keys.setdefault(domain, []).append(name)
    for domain, mapped in keys.items():
        columns = ", ".join(
            f"json_extract_string({_FIELDS}, {quoted(f'$.{name}')}) as "
            + name_sql(f"crm_{name}" if name in names else name)
            for name in mapped
        )
        connection.execute(
            f"create or replace temp view mapped_rows as select * exclude ({_FIELDS}), {columns} "
            f"from {table} where domain = {quoted(domain)}"
        )
        write_csv(connection, "mapped_rows", folder / f"{table.rpartition('.')[2]}_{domain}.csv")


def export_csv(home: Home, tables: Sequence[str], folder: Path | None = None) -> CsvExport:
    """Write tables of the published generation as CSV, each renamed over its last copy.

    Args:
        home: CHURN_HOME with a published generation.
        tables: Tables of the schema `serving`.
        folder: Where to; `published/csv` by default.

    Raises:
        ChurnError: Nothing is published, or there is no such table.
    """
    path = current_file(home)
    if path is None:
        raise ChurnError("Nothing is published yet.", hint="Run `churn run` first.")
    rows, files = {}, []
    with open_large(home, "csv_copies", path) as connection:
        existing = [
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'serving' order by 1"
            ).fetchall()
        ]
        for table in tables:
            if table not in existing:
                raise ChurnError(
                    f"There is no table {table!r}.", hint=f"Choose one of: {', '.join(existing)}."
                )
        for table in tables:
            target = (folder or home.published / "csv") / f"{table}.csv"
            with replaced(target) as part:
                rows[table] = write_csv(connection, f"serving.{table}", part)
            files.append(target)
    return CsvExport(path.stem, tuple(files), rows)
