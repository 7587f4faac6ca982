"""Recognises raw files by their logical names, which leave out the compression suffix."""

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from pipeline.ingest import archives
from pipeline.project.errors import ChurnError
from pipeline.project.sources import SourceTable

Format = Literal["csv", "parquet"]

# Of two files with one logical name, the one that is quicker to read is used.
_PREFERENCE = (".parquet", ".gz", ".zip", ".7z")
DEMO_MARK = "churn_demo.json"
# An archive in an archive, and one in that.
_DEEPEST = 3
_WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".numbers")


@dataclass(frozen=True)
class RawFile:
    """A raw file, or one inside an archive.

    Attributes:
        path: The file on disk.
        inside: Its name inside the archive, behind the names of archives that are in the archive;
            empty if the file is not an archive.
        logical_name: Its name without folder and compression, a Parquet file's ending in .csv.
        format: What DuckDB reads, once it is unpacked.
        table: The table it belongs to.
        archive: An unpacked copy of the archive that holds it, if that was in another archive.
    """

    path: Path
    inside: tuple[str, ...]
    logical_name: str
    format: Format
    table: SourceTable
    archive: Path | None = None

    @property
    def name(self) -> str:
        """The name shown in messages."""
        return ":".join((self.path.name, *self.inside))

    @property
    def member(self) -> str | None:
        """Its name inside the archive that holds it; None if it is in none."""
        return self.inside[-1] if self.inside else None

    @property
    def innermost(self) -> str:
        """The name of the file itself, with a compression suffix."""
        return self.inside[-1] if self.inside else self.path.name


@dataclass(frozen=True)
class Discovery:
    """The raw files in a directory.

    Attributes:
        files: One file per logical name, in the order of the tables.
        shadowed: Names of files skipped for a quicker one with the same logical name.
        unrecognised: Names of all other files, members of archives included.
    """

    files: tuple[RawFile, ...]
    shadowed: tuple[str, ...]
    unrecognised: tuple[str, ...]


def discover(raw_dir: Path, tables: tuple[SourceTable, ...], scratch: Path) -> Discovery:
    """Return the raw files that lie directly in a directory, or in archives there.

    Args:
        raw_dir: The directory.
        tables: The tables that files may belong to.
        scratch: Where archives that are inside archives are unpacked to.

    Raises:
        ChurnError: The directory is missing, an archive is damaged, no file is recognised, or
            archives hold several files with one name.
    """
    check_directory(raw_dir)
    chosen: dict[str, RawFile] = {}
    shadowed: list[str] = []
    unrecognised: list[str] = []
    for path in sorted(raw_dir.iterdir()):
        if _is_hidden(path.name) or path.name == DEMO_MARK:
            continue
        if path.is_dir():
            unrecognised.append(f"{path.name}/")
            continue
        for raw in _recognise(path, tables, scratch):
            if isinstance(raw, str):
                unrecognised.append(raw)
                continue
            other = chosen.get(raw.logical_name, raw)
            if _may_differ(raw, other):
                raise _two_of_one_name(raw, other)
            first, second = sorted((raw, other), key=_slowness)
            chosen[raw.logical_name] = first
            if first != second:
                shadowed.append(f"{second.name} (read {first.name} instead)")
    if not chosen:
        raise ChurnError(
            "No file in the raw directory is recognised.",
            where=f"{raw_dir} holds {listed_names(unrecognised) or 'nothing'}.",
            hint=f"{recognised_names(tables)} Subfolders are not searched.",
        )
    order = {table.name: position for position, table in enumerate(tables)}
    files = sorted(chosen.values(), key=lambda file: (order[file.table.name], file.logical_name))
    return Discovery(tuple(files), tuple(shadowed), tuple(unrecognised))


def is_recognised(name: str, tables: tuple[SourceTable, ...]) -> bool:
    """Return whether a table takes a file of that name, or it is an archive, which may hold one."""
    if _is_hidden(name):
        return False
    return archives.is_archive(name) or _leaf(Path(name), (), None, tables) is not None


def check_directory(raw_dir: Path) -> None:
    """Refuse a raw directory that is not there."""
    if not raw_dir.is_dir():
        raise ChurnError(
            "The raw directory does not exist."
            if not raw_dir.exists()
            else "The raw directory is not a directory.",
            where=str(raw_dir),
            hint="Pass the directory that holds the raw files.",
        )


def recognised_names(tables: tuple[SourceTable, ...]) -> str:
    """Return one sentence that lists the recognised file names."""
    names = "; ".join(f"{table.name}: {', '.join(table.files)}" for table in tables)
    return f"Recognised are {names}, each also as .csv.gz, .csv.7z, .csv.zip or .parquet."


def listed_names(names: list[str] | tuple[str, ...], most: int = 20) -> str:
    """Return names as one phrase; of many, the first and how many more there are."""
    more = [f"… and {len(names) - most:,} others"] if len(names) > most else []
    return ", ".join([*names[:most], *more])


def _recognise(
    path: Path, tables: tuple[SourceTable, ...], scratch: Path
) -> Iterator[RawFile | str]:
    """Yield the raw files that a file on disk is or holds, and the names of what no table takes."""
    archive = path if archives.is_archive(path.name) else None
    if archive is None:
        yield _leaf(path, (), None, tables) or _unknown(path.name)
        return
    yield from _packed(path, archive, (), tables, scratch)


def _packed(
    path: Path,
    archive: Path,
    inside: tuple[str, ...],
    tables: tuple[SourceTable, ...],
    scratch: Path,
) -> Iterator[RawFile | str]:
    """The same for the members of an archive, which may be a copy of one inside another."""
    for place, member in enumerate(archives.members(archive, ":".join((path.name, *inside)))):
        if any(_is_hidden(part) for part in PurePosixPath(member).parts):
            continue
        names = (*inside, member)
        if archives.is_archive(member) and len(names) < _DEEPEST:
            copy = scratch / "-".join(map(str, (path.name, len(inside), place)))
            copy = copy.with_name(copy.name + PurePosixPath(member).suffix)
            archives.extract(archive, member, copy, ":".join((path.name, *names)))
            yield from _packed(path, copy, names, tables, scratch)
            continue
        found = _leaf(path, names, archive if archive != path else None, tables)
        yield found or _unknown(":".join((path.name, *names)))


def _leaf(
    path: Path, inside: tuple[str, ...], archive: Path | None, tables: tuple[SourceTable, ...]
) -> RawFile | None:
    """Return a file with its format and table; None if no table takes it."""
    innermost = inside[-1] if inside else path.name
    name = re.sub(r"\.gz$", "", PurePosixPath(innermost).name, flags=re.IGNORECASE)
    form: Format = "parquet" if name.lower().endswith(".parquet") else "csv"
    # A suffix in capitals is the same suffix; others than .csv only if a pattern has them.
    logical = re.sub(r"\.(csv|parquet)$", ".csv", name, flags=re.IGNORECASE)
    table = _table_of(logical, tables)
    return RawFile(path, inside, logical, form, table, archive) if table else None


def _unknown(name: str) -> str:
    is_workbook = name.lower().endswith(_WORKBOOKS)
    return f"{name} (a spreadsheet: save it as CSV)" if is_workbook else name


def _slowness(raw: RawFile) -> tuple[int, ...]:
    suffixes = [Path(name).suffix.lower() for name in (raw.path.name, *raw.inside)]
    packed = [_PREFERENCE.index(suffix) for suffix in suffixes if suffix in _PREFERENCE]
    return (len(raw.inside), *packed)


def _is_hidden(name: str) -> bool:
    # macOS adds a file ._<name> in __MACOSX for each file it packs.
    return name.startswith(".") or name == "__MACOSX"


def _may_differ(raw: RawFile, other: RawFile) -> bool:
    """Whether two files with one name probably differ: both packed, matched by a pattern only."""
    is_pattern = raw.logical_name not in raw.table.files
    return raw != other and is_pattern and bool(raw.inside and other.inside)


def _two_of_one_name(raw: RawFile, other: RawFile) -> ChurnError:
    return ChurnError(
        f"Two files have the name {raw.logical_name}; names must be unique.",
        where=f"{other.name} and {raw.name}",
        hint="Unpack one of them; rename it if you need both.",
    )


def _table_of(logical_name: str, tables: tuple[SourceTable, ...]) -> SourceTable | None:
    # An exact name wins over a pattern, and of patterns the longest, so that one table may use
    # `*.csv`.
    exact = [table for table in tables if logical_name in table.files]
    return next(iter(exact), None) or max(
        (table for table in tables if table.holds(logical_name)),
        key=lambda table: max(
            len(pattern) for pattern in table.files if fnmatch.fnmatchcase(logical_name, pattern)
        ),
        default=None,
    )
