"""Writes CSV files, whole or in pieces."""

from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv

# Nothing that is written holds a comma or a quote.
_OPTIONS = csv.WriteOptions(include_header=False, quoting_style="none", batch_size=10_000)


def write(path: Path, table: pa.Table) -> int:
    """Write one CSV file and return its rows."""
    with path.open("wb") as file:
        file.write(_header(table))
        csv.write_csv(table, file, _OPTIONS)
    return int(table.num_rows)


class CsvFiles:
    """Writes CSV files into one folder and counts their rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, int] = {}
        self._closing = ExitStack()
        self._writers: dict[str, csv.CSVWriter] = {}

    def close(self) -> None:
        """Close all files."""
        self._closing.close()

    def write(self, name: str, table: pa.Table) -> None:
        """Write a CSV file, or append to one started before."""
        if name not in self._writers:
            file = self._closing.enter_context((self.folder / name).open("wb"))
            file.write(_header(table))
            writer = csv.CSVWriter(file, table.schema, write_options=_OPTIONS)
            self._writers[name] = self._closing.enter_context(writer)
        self._writers[name].write(table)
        self.rows[name] = self.rows.get(name, 0) + table.num_rows


def _header(table: pa.Table) -> bytes:
    return (",".join(table.schema.names) + "\n").encode()
