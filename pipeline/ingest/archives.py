"""Lists and unpacks archives; a checksum that does not match is an error.

DuckDB can read a .csv.gz, but does not notice that a file is truncated.
"""

import gzip
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import py7zr

from pipeline.project.errors import ChurnError

_CHUNK = 1 << 22
_DAMAGES = (
    EOFError,
    gzip.BadGzipFile,
    lzma.LZMAError,
    py7zr.exceptions.ArchiveError,
    RuntimeError,  # what zipfile raises for a password
    zipfile.BadZipFile,
    zlib.error,
)


def is_archive(name: str) -> bool:
    """Whether a file of that name has members."""
    return name.lower().endswith((".zip", ".7z"))


def members(archive: Path, name: str) -> list[str]:
    """Return the files in an archive; `name` is what messages call it."""
    try:
        if archive.suffix.lower() == ".zip":
            with zipfile.ZipFile(archive) as zipped:
                return [entry.filename for entry in zipped.infolist() if not entry.is_dir()]
        with py7zr.SevenZipFile(archive) as packed:
            return [entry.filename for entry in packed.list() if not entry.is_directory]
    except (*_DAMAGES, OSError) as error:
        raise ChurnError(
            f"The archive cannot be opened; it is truncated or damaged ({error}).",
            where=name,
            hint="Download or copy the file again, or remove it from the directory.",
        ) from error


def extract(archive: Path, member: str, target: Path, name: str) -> None:
    """Unpack one file of an archive to `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _told(name):
        if archive.suffix.lower() == ".zip":
            with (
                zipfile.ZipFile(archive) as zipped,
                zipped.open(member) as packed,
                target.open("wb") as plain,
            ):
                shutil.copyfileobj(packed, plain, _CHUNK)
            return
        beside = target.with_name(f"{target.name}.unpacked")
        with py7zr.SevenZipFile(archive) as solid:
            solid.extract(beside, targets=[member])
        (beside / member).replace(target)
        shutil.rmtree(beside)


def unzip(packed: Path, target: Path, name: str) -> None:
    """Unpack a .gz to `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _told(name), gzip.open(packed) as data, target.open("wb") as plain:
        shutil.copyfileobj(data, plain, _CHUNK)


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGES as error:
        raise ChurnError(
            f"The file cannot be unpacked; it is truncated or damaged ({error}).",
            where=name,
            hint="Download or copy the file again; nothing was loaded from it.",
        ) from error
