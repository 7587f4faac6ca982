"""Unpacks compressed files into scratch and verifies their checksums.

DuckDB can read a .csv.gz, but does not notice that a file is truncated.
"""

import gzip
import lzma
import shutil
import zipfile
import zlib
from pathlib import Path

import py7zr

from pipeline.ingest.discover import RawFile
from pipeline.project.errors import ChurnError

_CHUNK = 1 << 22


def unpack(raw: RawFile, scratch: Path) -> Path:
    """Return a file that DuckDB can read: the raw file itself, or its unpacked copy in scratch.

    Raises:
        ChurnError: The file is truncated, damaged or needs a password.
    """
    if raw.format in ("csv", "parquet"):
        return raw.path
    target = scratch / raw.logical_name
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        if raw.format == "gz":
            with gzip.open(raw.path) as packed, target.open("wb") as plain:
                shutil.copyfileobj(packed, plain, _CHUNK)
        elif raw.format == "zip":
            with (
                zipfile.ZipFile(raw.path) as zipped,
                zipped.open(str(raw.member)) as member,
                target.open("wb") as plain,
            ):
                shutil.copyfileobj(member, plain, _CHUNK)
        else:
            with py7zr.SevenZipFile(raw.path) as archive:
                archive.extract(scratch, targets=[str(raw.member)])
            target = scratch / str(raw.member)
    except (
        EOFError,
        gzip.BadGzipFile,
        lzma.LZMAError,
        py7zr.exceptions.ArchiveError,
        RuntimeError,  # what zipfile raises for a password
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ChurnError(
            f"The file cannot be unpacked; it is truncated or damaged ({error}).",
            where=raw.name,
            hint="Download or copy the file again; nothing was loaded from it.",
        ) from error
    return target
