"""Reads whole tables into files, to be profiled for a domain that is not made yet."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.connections.opening import opened, shown
from pipeline.connections.reader import DatabaseColumn, RowWindow, write_batches
from pipeline.project.errors import ChurnError

_NAMED = 20


@dataclass(frozen=True)
class SampledTable:
    """A table that was read.

    Attributes:
        table: Its name in the database.
        columns: Its columns, in order.
        primary_key: The columns of its primary key; none without one.
    """

    table: str
    columns: Mapping[str, DatabaseColumn]
    primary_key: tuple[str, ...]


def read_tables(
    url: str, tables: Sequence[str], folder: Path, *, without: Collection[str] = ()
) -> dict[str, SampledTable]:
    """Write a Parquet file of each table; return file name → table.

    Args:
        url: The address, or `env:` and a variable.
        tables: Names of tables; the only one of the database where none is named.
        folder: Where the files are written.
        without: Columns that are not written, in lower case.

    Raises:
        ChurnError: The database cannot be read, or it is not said which table is meant.
    """
    found: dict[str, SampledTable] = {}
    with opened(url) as reader:
        there = reader.tables()
        if not tables and len(there) != 1:
            raise ChurnError(
                f"The database has {len(there)} tables: it is not said which one is meant."
                if there
                else "The database has no table that may be read.",
                where=", ".join(there[:_NAMED]) or shown(url),
                hint="Name the one with the orders or billing periods: --table SCHEMA.NAME.",
            )
        for table in tables or there:
            columns = reader.columns(table)
            if not columns:
                raise ChurnError(
                    f"The table {table} is not there, or may not be read.",
                    where=shown(url),
                    hint=f"Tables are: {', '.join(there[:_NAMED]) or 'none'}.",
                )
            name = f"{table.rpartition('.')[2]}.parquet"
            if name in found:
                raise ChurnError(f"Two tables are called {table.rpartition('.')[2]}.")
            names = [column for column in columns if column.lower() not in without]
            write_batches(reader.read(table, names, RowWindow()), folder / name)
            found[name] = SampledTable(table, columns, reader.primary_key(table))
    return found
