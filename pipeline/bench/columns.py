"""The cheapest query that reads every value of a table: what reading costs at the least."""

from collections.abc import Callable
from pathlib import Path

from pipeline.sources import SourceColumn, SourceTable


def sums_of_csv(table: SourceTable, path: Path) -> str:
    """Return SQL that reads a csv once and sums all its columns; dates stay the numbers they are.

    The header must have the table's columns in the table's order.
    """
    columns = ", ".join(f"'{c.name}': '{_csv_type(c)}'" for c in table.columns)
    name = str(path).replace("'", "''")
    return (
        f"select {_sums(table, _csv_type)} from read_csv('{name}', columns = {{{columns}}},"
        " header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"')"
    )


def sums_of_lake(table: SourceTable) -> str:
    """Return SQL that scans the table in the lake once and sums all its columns."""
    return f"select {_sums(table, lambda column: column.data_type)} from lake.{table.identifier}"


def _csv_type(column: SourceColumn) -> str:
    is_number = column.data_type == "date" and column.format == "%Y%m%d"
    return "integer" if is_number else column.data_type


def _sums(table: SourceTable, type_of: Callable[[SourceColumn], str]) -> str:
    return ", ".join(_sum(f'"{column.name}"', type_of(column)) for column in table.columns)


def _sum(name: str, data_type: str) -> str:
    if data_type == "varchar":
        # A count need not read a single id.
        return f"sum(strlen({name}))"
    if data_type == "date":
        return f"sum({name} - date '2000-01-01')"
    return f"sum({name})"
