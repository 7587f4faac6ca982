"""Opens a raw file: checks its header against the YAML and builds the SQL to scan it."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.ingest.discover import RawFile
from pipeline.ingest.parse import SCAN_TYPES, Scan, scan_of, scan_of_type
from pipeline.ingest.plain_text import UTF_8, odd_characters, shown
from pipeline.project.duck import file_sql, name_sql
from pipeline.project.errors import ChurnError
from pipeline.project.sources import SourceTable

_HEAD_BYTES = 1 << 16
_SAMPLE_ROWS = 100


@dataclass(frozen=True)
class Reading:
    """A raw file with a valid header.

    Attributes:
        raw: The raw file.
        path: The file that DuckDB reads; for a compressed file the unpacked copy.
        header: Its columns, in order; those of the table by their names in the lake.
        scans: How each column of the table is scanned; missing columns are left out.
        encoding: Of the raw file; DuckDB reads UTF-8.
        is_in_order: Whether one thread has to read it, from its beginning to its end.
    """

    raw: RawFile
    path: Path
    header: tuple[str, ...]
    scans: dict[str, Scan]
    encoding: str = UTF_8
    is_in_order: bool = False

    @property
    def table(self) -> SourceTable:
        """The table the file belongs to."""
        return self.raw.table

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns of the file that the table does not have."""
        known = {column.name for column in self.table.raw_columns}
        return tuple(name for name in self.header if name not in known)

    @property
    def absent(self) -> tuple[str, ...]:
        """Optional columns that the file does not have."""
        return tuple(c.name for c in self.table.raw_columns if c.name not in self.scans)

    def typed_scan(self) -> str:
        """Return SQL that yields `raw_<column>` for every readable row; others are left out."""
        if self.raw.format == "parquet":
            return f"(select {self._stored()} from {self._parquet()})"
        types = [SCAN_TYPES[self.scans.get(name, "text")] for name in self.header]
        raws = self._each("raw", lambda name: f"c{self.header.index(name)}")
        return f"(select {raws} from {self._csv(types, 'ignore_errors = true')})"

    def text_scan(self) -> str:
        """Return SQL that yields `record`, and `text_<column>`, `raw_<column>` for every row.

        `record` numbers the rows with the right number of columns. Other rows go to DuckDB's table
        reject_errors.
        """
        if self.raw.format == "parquet":
            texts = self._each("text", lambda name: f"nullif({self._spelt(name)}::varchar, '')")
            rows = self._parquet("file_row_number = true")
            return f"(select file_row_number + 1 as record, {texts}, {self._stored()} from {rows})"
        texts = self._each("text", lambda name: f"c{self.header.index(name)}")
        raws = self._each(
            "raw", lambda name: f'try_cast("text_{name}" as {SCAN_TYPES[self.scans[name]]})'
        )
        rows = self._csv(["varchar"] * len(self.header), "store_rejects = true")
        numbered = f"select row_number() over () as record, {texts} from {rows}"
        return f"(select *, {raws} from ({numbered}))"

    def _each(self, prefix: str, present: Callable[[str], str]) -> str:
        return ", ".join(
            (present(c.name) if c.name in self.scans else "null::varchar")
            + f' as "{prefix}_{c.name}"'
            for c in self.table.raw_columns
        )

    def _stored(self) -> str:
        def cast(name: str) -> str:
            if self.scans[name] in ("text", "decimal"):
                return f"nullif({self._spelt(name)}::varchar, '')"
            return f"{self._spelt(name)}::{SCAN_TYPES[self.scans[name]]}"

        return self._each("raw", cast)

    def _spelt(self, name: str) -> str:
        """A column as a Parquet file has it."""
        return name_sql(self.table.column(name).in_files)

    def _csv(self, types: list[str], options: str) -> str:
        # Types are given, not sniffed: the sniffer refuses a file that ends in the middle of a row.
        columns = ", ".join(f"'c{position}': '{kind}'" for position, kind in enumerate(types))
        alone = ", parallel = false" if self.is_in_order else ""
        return (
            f"read_csv({file_sql(self.path)}, columns = {{{columns}}}, header = true,"
            f" auto_detect = false, delim = ',', quote = '\"', escape = '\"', {options}{alone})"
        )

    def _parquet(self, options: str = "file_row_number = false") -> str:
        return f"read_parquet({file_sql(self.path)}, {options}, hive_partitioning = false)"


def open_reading(
    raw: RawFile, path: Path, con: duckdb.DuckDBPyConnection, encoding: str = UTF_8
) -> Reading:
    """Return the file ready to be scanned.

    Raises:
        ChurnError: It is empty or damaged, or a column is missing.
    """
    if path.stat().st_size == 0:
        raise ChurnError("The file is empty.", where=raw.name, hint=_AGAIN)
    if raw.format == "parquet":
        types = _parquet_types(raw, path, con)
        _check_header(raw, tuple(types))
        stored = dict(zip(_in_lake(raw, tuple(types)), types.values(), strict=True))
        scans = {
            column.name: scan_of_type(column, stored[column.name])
            for column in raw.table.raw_columns
            if column.name in stored
        }
        return Reading(raw, path, tuple(stored), scans)
    spelt, sample = _csv_head(raw, path)
    _check_header(raw, spelt)
    header = _in_lake(raw, spelt)
    scans = {}
    for column in raw.table.raw_columns:
        if column.name in header:
            at = header.index(column.name)
            scans[column.name] = scan_of(column, [row[at] for row in sample if len(row) > at])
    return Reading(raw, path, header, scans, encoding)


_AGAIN = "Download or copy the file again, or remove it from the directory."


def _csv_head(raw: RawFile, path: Path) -> tuple[tuple[str, ...], list[list[str]]]:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    try:
        # The head may end inside a character; invalid bytes go to quarantine later.
        text = head.decode("utf-8-sig", errors="replace")
        rows = csv.reader(io.StringIO(text, newline=""))
        header = tuple(name.strip() for name in next(rows, []))
        sample = [row for row, _ in zip(rows, range(_SAMPLE_ROWS), strict=False)]
    except csv.Error as error:
        raise ChurnError(
            f"The file is not a CSV ({error}).", where=raw.name, hint=_AGAIN
        ) from error
    return header, sample[:-1] if len(head) == _HEAD_BYTES else sample


def _parquet_types(raw: RawFile, path: Path, con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    try:
        rows = con.execute(
            f"describe select * from read_parquet({file_sql(path)}, hive_partitioning = false)"
        ).fetchall()
    except duckdb.Error as error:
        raise ChurnError(
            "The file cannot be read as Parquet; it is truncated or damaged.",
            where=f"{raw.name}: {error}",
            hint=_AGAIN,
        ) from error
    return {name: kind for name, kind, *_ in rows}


def _in_lake(raw: RawFile, header: tuple[str, ...]) -> tuple[str, ...]:
    """Return a header with the names that the lake has for the table's columns."""
    names = {column.in_files: column.name for column in raw.table.raw_columns}
    return tuple(names.get(name, _unless_taken(name, names)) for name in header)


def _unless_taken(name: str, names: dict[str, str]) -> str:
    # another column of the file that is called as a column of the lake is not that one
    return f"{name} (of the file)" if name in names.values() else name


def _check_header(raw: RawFile, header: tuple[str, ...]) -> None:
    columns = raw.table.raw_columns
    names = {column.in_files for column in columns}
    missing = [c.in_files for c in columns if c.required and c.in_files not in header]
    twice = sorted({name for name in header if name in names and header.count(name) > 1})
    if not missing and not twice:
        return
    what = (
        f"The header lacks {', '.join(missing)}."
        if missing
        else f"The header has {', '.join(twice)} twice."
    )
    expected = [c.in_files if c.required else f"[{c.in_files}]" for c in columns]
    unseen = [
        f"\n  not what it looks like: column {place}, {'; '.join(odd[:3])}"
        for place, name in enumerate(header, 1)
        if name not in names and (odd := odd_characters(name))
    ]
    may_lack = "" if all(c.required for c in columns) else " Columns in brackets are optional."
    raise ChurnError(
        what,
        where=f"{raw.name}\n  header found:    {shown(','.join(header))}{''.join(unseen[:5])}\n"
        f"  header expected: {','.join(expected)}",
        hint="Rename the columns and separate them with commas; their order does not matter and"
        f" other columns are ignored.{may_lack} Or remove the file from the directory.",
    )
