"""Content hashes of stored data: a file SHA256SUMS in each folder, as `sha256sum -c` reads it.

Parquet carries no checksum that a reader compares, so a bit that flips on a disk is another value
to it. What is read for learning, scoring or publishing is compared with these files first.

A file that is replaced has two lines while it is: the old content and the new one. A command that
is killed in between leaves one of the two, and both are right.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.project.errors import ChurnError
from pipeline.project.files import move_durably, replaced

SUMS = "SHA256SUMS"
# Written again by every night, and read by people alone.
_NOT_HASHED = (".md",)
_SHOWN = 20

Sums = dict[str, set[str]]


@dataclass(frozen=True)
class Damage:
    """A file that is not what was written.

    Attributes:
        path: The file.
        what: How it differs.
    """

    path: Path
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file; one that has not been touched is read once in a process."""
    found = path.stat()
    return _hash(path, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@lru_cache(maxsize=65_536)
def _hash(path: Path, _inode: int, _bytes: int, _modified: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashes_of(paths: Iterable[Path]) -> dict[Path, str]:
    """Return the SHA-256 of files, hashed side by side."""
    paths = list(paths)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(paths, pool.map(hash_of, paths), strict=True))


def hashed_files(folder: Path, *, deep: bool) -> list[Path]:
    """Return the files of a folder that are hashed, sorted; `deep` with those of its folders."""
    found = folder.rglob("*") if deep else folder.iterdir()
    return sorted(
        path
        for path in found
        if path.is_file()
        and path.name != SUMS
        and not path.name.startswith(".")
        and path.suffix not in _NOT_HASHED
    )


def write_sums(folder: Path, *, deep: bool = False) -> None:
    """Hash all files of a folder that is about to be moved into place, or is stored already."""
    found = hashes_of(hashed_files(folder, deep=deep))
    _write(folder / SUMS, {_name(folder, path): {content} for path, content in found.items()})


def write_sums_of(sums: Path, files: Iterable[Path]) -> None:
    """Hash files into a file of sums beside or above them."""
    found = hashes_of(files)
    _write(sums, {_name(sums.parent, path): {content} for path, content in found.items()})


def add_sums(paths: Iterable[Path]) -> None:
    """Hash files as they are into the sums of their folders; of other files nothing changes."""
    folders: dict[Path, list[Path]] = {}
    for path in paths:
        folders.setdefault(path.parent, []).append(path)
    for folder, files in folders.items():
        kept = read_sums(folder / SUMS)
        _write(folder / SUMS, kept | {path.name: {hash_of(path)} for path in files})


def drop_sums(paths: Iterable[Path]) -> None:
    """Take files that are about to be deleted or moved away out of the sums of their folders."""
    for path in paths:
        sums = path.parent / SUMS
        kept = read_sums(sums)
        if kept.pop(path.name, None) is not None:
            _write(sums, kept)


@contextmanager
def replaced_with_sum(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """Replace a file as `replaced` does, and its line in the sums of its folder or of one above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = folder or path.parent
    sums, part, name = folder / SUMS, path.with_name(f".{path.name}.part"), _name(folder, path)
    try:
        yield part
        content = hash_of(part)
        kept = read_sums(sums)
        _write(sums, kept | {name: {content} | kept.get(name, set())})
        move_durably(part, path)
        _write(sums, kept | {name: {content}})
    finally:
        part.unlink(missing_ok=True)


def read_sums(sums: Path) -> Sums:
    """Return file → accepted contents; empty where there are no sums.

    Raises:
        ChurnError: It cannot be read.
    """
    found: Sums = {}
    try:
        lines = sums.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as problem:
        raise unreadable(sums, str(problem)) from problem
    for number, line in enumerate(lines, 1):
        content, mark, name = line.partition("  ")
        if not mark or len(content.removeprefix("\\")) != 64:
            raise unreadable(sums, f"line {number}")
        if content.startswith("\\"):
            name = name.replace("\\n", "\n").replace("\\\\", "\\")
        found.setdefault(name, set()).add(content.removeprefix("\\"))
    return found


def unreadable(sums: Path, where: str) -> ChurnError:
    """Return what is said of sums that cannot be read."""
    return ChurnError(
        "A file of content hashes is damaged.",
        where=f"{sums}: {where}",
        hint="Restore it from a backup. Without one, compare the files beside it with a copy, "
        "delete it, and run the command again: it is written from the files as they are.",
    )


def damages(folder: Path, *, deep: bool = False, is_closed: bool = True) -> list[Damage]:
    """Return the files of a folder that are not what was written.

    Args:
        folder: The folder.
        deep: Its sums are of its folders, too.
        is_closed: A file without a line is damage. Elsewhere it may be what a killed command left.
    """
    sums = folder / SUMS
    if not sums.exists():
        return []
    try:
        wanted = read_sums(sums)
    except ChurnError as error:
        return [Damage(sums, error.where or error.what)]
    return damages_of(folder, wanted, hashed_files(folder, deep=deep) if is_closed else [])


def damages_of(
    folder: Path, wanted: Mapping[str, set[str]], existing: Iterable[Path] = ()
) -> list[Damage]:
    """Return the files that are not what sums say; of `existing` ones, also those without a line.

    Args:
        folder: Folder that the names start at.
        wanted: File → accepted contents.
        existing: Files that are there.
    """
    found = []
    paths = {name: folder / name for name in wanted}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        contents = dict(zip(paths, pool.map(_hash_or_why, paths.values()), strict=True))
    for name, (content, why) in sorted(contents.items()):
        if content is None:
            found.append(Damage(paths[name], why))
        elif content not in wanted[name]:
            found.append(Damage(paths[name], "its content has changed since it was written"))
    known = set(paths.values())
    found += [
        Damage(path, "is not one that was written here") for path in existing if path not in known
    ]
    return found


def _hash_or_why(path: Path) -> tuple[str | None, str]:
    try:
        return hash_of(path), ""
    except FileNotFoundError:
        return None, "is gone"
    except OSError as problem:
        return None, f"cannot be read: {problem.strerror or problem}"


def listed_damages(found: Iterable[Damage]) -> str:
    """Return damages as lines of text."""
    lines = [str(one) for one in found]
    more = [f"and {len(lines) - _SHOWN} more: churn verify"] if len(lines) > _SHOWN else []
    return "\n".join([*lines[:_SHOWN], *more])


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _write(sums: Path, found: Mapping[str, set[str]]) -> None:
    lines = []
    for name, contents in sorted(found.items()):
        is_escaped = "\\" in name or "\n" in name
        shown = name.replace("\\", "\\\\").replace("\n", "\\n") if is_escaped else name
        mark = "\\" if is_escaped else ""
        lines += [f"{mark}{content}  {shown}\n" for content in sorted(contents)]
    with replaced(sums) as part:
        part.write_text("".join(lines), encoding="utf-8")
