"""The cheapest queries that read every value of a table, as a lower bound of reading."""

from collections.abc import Callable, Collection
from pathlib import Path

from pipeline.project.duck import quoted
from pipeline.project.sources import SourceColumn, SourceTable


def sums_of_csv(table: SourceTable, path: Path, lacking: Collection[str] = ()) -> str:
    """Return SQL that reads a CSV once and sums all columns; dates are summed as numbers.

    The header must have the table's columns in the table's order, but for those it is said to lack.
    The path may be a pattern.
    """
    present = tuple(c for c in table.raw_columns if c.name not in lacking)
    columns = ", ".join(f"'{c.name}': '{_csv_type(c)}'" for c in present)
    sums = _sums(present, _csv_type)
    return (
        f"select {sums} from read_csv({quoted(path)}, columns = {{{columns}}},"
        " header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"')"
    )


def sums_of_lake(table: SourceTable) -> str:
    """Return SQL that scans the table in the lake once and sums all its columns."""
    sums = _sums(table.columns, lambda column: column.data_type)
    return f"select {sums} from lake.{table.identifier}"


def _csv_type(column: SourceColumn) -> str:
    is_number = column.data_type == "date" and column.format == "%Y%m%d"
    return "integer" if is_number else column.data_type


def _sums(columns: tuple[SourceColumn, ...], type_of: Callable[[SourceColumn], str]) -> str:
    return ", ".join(_sum(f'"{column.name}"', type_of(column)) for column in columns)


def _sum(name: str, data_type: str) -> str:
    if data_type == "varchar":
        # A count would not need to read the ids.
        return f"sum(strlen({name}))"
    if data_type == "date":
        return f"sum({name} - date '2000-01-01')"
    if data_type == "timestamp":
        return f"sum(epoch_us({name}))"
    return f"sum({name})"
