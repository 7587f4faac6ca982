"""Groups the files of a folder into tables: files with one header are parts of one table."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.ingest.discover import RawFile, discover
from pipeline.ingest.plain_text import UTF_8, as_utf_8, check_is_text
from pipeline.ingest.unpack import unpack
from pipeline.project.duck import file_sql, name_sql
from pipeline.project.errors import ChurnError
from pipeline.project.sources import SourceTable

# Any file may be a part of any table; ingest reads them by the patterns that come out of this.
_ANY = SourceTable("", "files", "files", "", (), ("*.csv",), True, "append_only")
_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True)
class FoundTable:
    """Files with the same columns.

    Attributes:
        name: What the files' names begin with: lower case, letters, digits and underscores.
        patterns: Patterns that the names of these files match, and no others of the folder.
        header: The columns.
        files: Names of the files.
        relation: A relation of the session with the columns as texts, null where empty.
        rows: Rows of all files.
    """

    name: str
    patterns: tuple[str, ...]
    header: tuple[str, ...]
    files: tuple[str, ...]
    relation: str
    rows: int

    @property
    def where(self) -> str:
        """The first of its files, for messages."""
        return ", ".join(self.files[:3]) + (" …" if len(self.files) > 3 else "")


def find_tables(
    folder: Path, scratch: Path, con: duckdb.DuckDBPyConnection, encoding: str = UTF_8
) -> tuple[list[FoundTable], tuple[str, ...]]:
    """Return the tables of a folder, loaded as texts, and the names of files that were left out.

    Args:
        folder: The folder.
        scratch: Where archives are unpacked to.
        con: A session.
        encoding: Of the CSV files.

    Raises:
        ChurnError: There is no file, or one cannot be read.
    """
    found = discover(folder, (_ANY,), scratch)
    groups: dict[tuple[str, ...], list[tuple[RawFile, str]]] = {}
    for place, raw in enumerate(found.files):
        own = scratch / str(place)
        own.mkdir(parents=True)
        header, rows = _read(raw, own, con, encoding)
        groups.setdefault(header, []).append((raw, rows))
    names = [raw.logical_name for raw in found.files]
    tables: list[FoundTable] = []
    for header, parts in groups.items():
        own_names = [raw.logical_name for raw, _ in parts]
        patterns = _patterns(own_names, [name for name in names if name not in own_names])
        name = _name(patterns[-1], [table.name for table in tables])
        con.execute(
            f'create table "raw_{name}" as '
            + " union all ".join(f"select * from {rows}" for _, rows in parts)
        )
        (count,) = con.execute(f'select count(*) from "raw_{name}"').fetchone() or (0,)
        files = tuple(raw.name for raw, _ in parts)
        tables.append(FoundTable(name, patterns, header, files, f'"raw_{name}"', count))
    return tables, found.unrecognised


def _read(
    raw: RawFile, scratch: Path, con: duckdb.DuckDBPyConnection, encoding: str
) -> tuple[tuple[str, ...], str]:
    """Return a file's header, and SQL of its rows as texts."""
    path = unpack(raw, scratch)
    if raw.format == "parquet":
        rows = f"read_parquet({file_sql(path)}, hive_partitioning = false)"
        header = tuple(name for name, *_ in con.execute(f"describe from {rows}").fetchall())
        texts = ", ".join(
            f"nullif(cast({name_sql(n)} as varchar), '') as {name_sql(n)}" for n in header
        )
        return header, f"(select {texts} from {rows})"
    check_is_text(path, raw.name, encoding)
    path = as_utf_8(path, scratch / "utf-8.csv", raw.name, encoding)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        header = tuple(name.strip() for name in next(csv.reader(file), []))
    for sign, words in _DELIMITERS.items():
        if len(header) == 1 and sign in header[0]:
            raise ChurnError(
                f"The columns are separated by {words}.",
                where=raw.name,
                hint="Save the file with commas.",
            )
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise ChurnError(
            f"The header has {', '.join(twice)} twice.",
            where=raw.name,
            hint="Give each column a name of its own.",
        )
    columns = ", ".join(f"'c{place}': 'varchar'" for place in range(len(header)))
    texts = ", ".join(f"c{place} as {name_sql(name)}" for place, name in enumerate(header))
    return header, (
        f"(select {texts} from read_csv({file_sql(path)}, columns = {{{columns}}}, header = true,"
        " auto_detect = false, delim = ',', quote = '\"', escape = '\"', ignore_errors = true))"
    )


def _patterns(names: list[str], others: list[str]) -> tuple[str, ...]:
    """Return patterns for a table's files and those that will come."""
    if not others:
        return ("*.csv",)
    stem = _common_stem(names)
    follows = [pattern for pattern in (f"{stem}_*.csv", f"{stem}-*.csv") if stem]
    free = [p for p in follows if not any(_matches(p, other) for other in others)]
    exact = [name for name in names if not any(_matches(p, name) for p in free)]
    return (*exact, *free) or tuple(names)


def _common_stem(names: list[str]) -> str:
    stems = [re.sub(r"[-_. ]*\d[\d\-_. ]*$", "", name.removesuffix(".csv")) for name in names]
    return stems[0] if len(set(stems)) == 1 else ""


def _matches(pattern: str, name: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name) is not None


def _name(pattern: str, taken: list[str]) -> str:
    stem = re.sub(r"[-_]?\*.*$|\.csv$", "", pattern)
    name = re.sub(r"\W+", "_", stem.lower(), flags=re.ASCII).strip("_")
    name = name if re.match(r"[a-z]", name) else f"lines_{name}".rstrip("_")
    return next(_numbered(name, taken))


def _numbered(name: str, taken: list[str]) -> Iterator[str]:
    yield from (one for one in (name, *(f"{name}_{n}" for n in range(2, 99))) if one not in taken)
