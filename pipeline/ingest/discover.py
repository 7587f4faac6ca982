"""Recognises raw files by their logical names, which leave out the compression suffix."""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import py7zr

from pipeline.project.errors import ChurnError
from pipeline.project.sources import SourceTable

Format = Literal["csv", "parquet", "gz", "zip", "7z"]

# Of two files with one logical name, the one that is quicker to read is used.
_PREFERENCE: tuple[Format, ...] = ("csv", "parquet", "gz", "zip", "7z")
DEMO_MARK = "churn_demo.json"


@dataclass(frozen=True)
class RawFile:
    """A raw file, or a csv inside an archive.

    Attributes:
        path: The file on disk.
        member: Its name inside the archive; None if the file is not an archive.
        logical_name: Its name without folder and compression, ending in .csv.
        format: How it is stored.
        table: The table it belongs to.
    """

    path: Path
    member: str | None
    logical_name: str
    format: Format
    table: SourceTable

    @property
    def name(self) -> str:
        """The name shown in messages."""
        return self.path.name if self.member is None else f"{self.path.name}:{self.member}"


@dataclass(frozen=True)
class Discovery:
    """The raw files in a directory.

    Attributes:
        files: One file per logical name, in the order of the tables.
        shadowed: Names of files skipped for a quicker one with the same logical name.
        unrecognised: Names of all other files.
    """

    files: tuple[RawFile, ...]
    shadowed: tuple[str, ...]
    unrecognised: tuple[str, ...]


def discover(raw_dir: Path, tables: tuple[SourceTable, ...]) -> Discovery:
    """Return the raw files that lie directly in a directory.

    Raises:
        ChurnError: The directory is missing, an archive is damaged, no file is recognised, or
            archives hold several files with one name.
    """
    if not raw_dir.is_dir():
        raise ChurnError(
            "The raw directory does not exist."
            if not raw_dir.exists()
            else "The raw directory is not a directory.",
            where=str(raw_dir),
            hint="Pass the directory that holds the raw files.",
        )
    chosen: dict[str, RawFile] = {}
    shadowed: list[str] = []
    unrecognised: list[str] = []
    for path in sorted(raw_dir.iterdir()):
        if _is_hidden(path.name) or path.name == DEMO_MARK:
            continue
        found = _recognise(path, tables) if path.is_file() else []
        if not found:
            unrecognised.append(f"{path.name}/" if path.is_dir() else path.name)
        for raw in found:
            other = chosen.get(raw.logical_name, raw)
            if _may_differ(raw, other):
                raise _two_of_one_name(raw, other)
            first, second = sorted((raw, other), key=lambda file: _PREFERENCE.index(file.format))
            chosen[raw.logical_name] = first
            if first != second:
                shadowed.append(f"{second.name} (read {first.name} instead)")
    if not chosen:
        raise ChurnError(
            "No file in the raw directory is recognised.",
            where=f"{raw_dir} holds {', '.join(unrecognised) or 'nothing'}.",
            hint=f"{recognised_names(tables)} Subfolders are not searched.",
        )
    order = {table.name: position for position, table in enumerate(tables)}
    files = sorted(chosen.values(), key=lambda file: (order[file.table.name], file.logical_name))
    return Discovery(tuple(files), tuple(shadowed), tuple(unrecognised))


def recognised_names(tables: tuple[SourceTable, ...]) -> str:
    """Return one sentence that lists the recognised file names."""
    names = "; ".join(f"{table.name}: {', '.join(table.files)}" for table in tables)
    return f"Recognised are {names}, each also as .csv.gz, .csv.7z, .csv.zip or .parquet."


def _recognise(path: Path, tables: tuple[SourceTable, ...]) -> list[RawFile]:
    name = path.name
    if name.endswith((".zip", ".7z")):
        archive: Format = "zip" if name.endswith(".zip") else "7z"
        return [
            RawFile(path, member, PurePosixPath(member).name, archive, table)
            for member in _members(path)
            if not any(_is_hidden(part) for part in PurePosixPath(member).parts)
            if (table := _table_of(PurePosixPath(member).name, tables))
        ]
    formats: dict[str, Format] = {".gz": "gz", ".parquet": "parquet", ".csv": "csv"}
    form = formats.get(path.suffix)
    if form is None:
        return []
    logical_name = re.sub(r"\.gz$", "", re.sub(r"\.parquet$", ".csv", name))
    table = _table_of(logical_name, tables)
    return [RawFile(path, None, logical_name, form, table)] if table else []


def _is_hidden(name: str) -> bool:
    # macOS adds a file ._<name> in __MACOSX for each file it packs.
    return name.startswith(".") or name == "__MACOSX"


def _may_differ(raw: RawFile, other: RawFile) -> bool:
    """Whether two files with one name probably differ: both packed, matched by a pattern only."""
    is_pattern = raw.logical_name not in raw.table.files
    return raw != other and is_pattern and None not in (raw.member, other.member)


def _two_of_one_name(raw: RawFile, other: RawFile) -> ChurnError:
    return ChurnError(
        f"Two files have the name {raw.logical_name}; names must be unique.",
        where=f"{other.name} and {raw.name}",
        hint="Unpack one of them; rename it if you need both.",
    )


def _table_of(logical_name: str, tables: tuple[SourceTable, ...]) -> SourceTable | None:
    # An exact name wins over a pattern, so that one table may use `*.csv`.
    exact = [table for table in tables if logical_name in table.files]
    return next(iter(exact or [table for table in tables if table.holds(logical_name)]), None)


def _members(path: Path) -> list[str]:
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as zipped:
                return [entry.filename for entry in zipped.infolist() if not entry.is_dir()]
        with py7zr.SevenZipFile(path) as packed:
            return [entry.filename for entry in packed.list() if not entry.is_directory]
    except (zipfile.BadZipFile, py7zr.exceptions.ArchiveError, EOFError, OSError) as error:
        raise ChurnError(
            f"The archive cannot be opened; it is truncated or damaged ({error}).",
            where=str(path),
            hint="Download or copy the file again, or remove it from the directory.",
        ) from error
