"""Unpacks compressed files into scratch."""

from pathlib import Path

from pipeline.ingest import archives
from pipeline.ingest.discover import RawFile


def unpack(raw: RawFile, scratch: Path) -> Path:
    """Return a file that DuckDB can read: the raw file itself, or its unpacked copy in scratch.

    Raises:
        ChurnError: The file is truncated, damaged or needs a password.
    """
    path = raw.archive or raw.path
    if raw.member is not None:
        path = scratch / "member"
        archives.extract(raw.archive or raw.path, raw.member, path, raw.name)
    if raw.innermost.lower().endswith(".gz"):
        packed, path = path, scratch / "plain"
        archives.unzip(packed, path, raw.name)
        if packed.parent == scratch:
            packed.unlink()
    return path
