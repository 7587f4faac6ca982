"""Looks raw files up in the lake before they are read, by name and by content."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.ingest import lake
from pipeline.ingest.digest import Digest, digest
from pipeline.ingest.discover import RawFile
from pipeline.ingest.plain_text import UTF_8
from pipeline.project.home import Home

# Of each name, the lake's folder and record.
InLake = dict[str, tuple[lake.Place, lake.Record]]


@dataclass(frozen=True)
class KnownFile:
    """A raw file and the lake's record under its name.

    Attributes:
        raw: The raw file.
        content: Hash of its bytes.
        seen: Path, size and times, which identify it without reading it.
        encoding: Encoding to read it in.
        earlier: The records of its table.
        place: The lake's folder for its name; None without one.
        record: The record of that folder.
    """

    raw: RawFile
    content: Digest
    seen: list[Any]
    encoding: str
    earlier: tuple[lake.Record, ...]
    place: lake.Place | None
    record: lake.Record | None

    @property
    def is_in_lake(self) -> bool:
        """Whether the lake has this content, read and typed as it would be now."""
        record = self.record
        return record is not None and (
            record.content_hash == self.content.sha256
            and record.source_fingerprint == self.raw.table.fingerprint()
            and record.encoding == self.encoding
        )


def look_up(
    raw: RawFile, in_lake: InLake, digests: dict[Path, Digest], encoding: str | None
) -> KnownFile:
    """Look a raw file up in its table; a file is hashed unless it is unchanged.

    Args:
        raw: The raw file.
        in_lake: The table's folders and records by logical name.
        digests: Of files that were hashed in this call; an archive has many members.
        encoding: Encoding of the call; by default the one its name was last read in, or UTF-8.
    """
    place, record = in_lake.get(raw.logical_name, (None, None))
    seen = [*lake.stat_signature(raw.path), ":".join(raw.inside) or None]
    if record and record.seen == seen:
        content = Digest(record.content_hash, lines=None)
    else:
        if raw.path not in digests:
            digests[raw.path] = digest(raw.path)
        content = digests[raw.path]
    chosen = encoding or (record.encoding if record else UTF_8)
    chosen = UTF_8 if raw.format == "parquet" else chosen
    earlier = tuple(record for _, record in in_lake.values())
    return KnownFile(raw, content, seen, chosen, earlier, place, record)


class Contents:
    """The unpacked contents that are in the lake or about to be.

    A file whose content is in the lake under another name would add every row twice.
    """

    def __init__(self, files: list[KnownFile], home: Home) -> None:
        # Of this call's files, only unchanged ones count: the lake's content of the others may be
        # about to be replaced.
        here = {(known.raw.table.name, known.raw.logical_name) for known in files}
        self._names: dict[tuple[str, str], str] = {}
        for table in {known.raw.table for known in files}:
            for record in lake.records(home, table.domain, table.name).values():
                # the oldest records have no hash
                if record.unpacked_hash and (table.name, record.logical_name) not in here:
                    self._names[table.name, record.unpacked_hash] = record.raw_file
        for known in files:
            if known.record and known.record.unpacked_hash and known.is_in_lake:
                self.add(known.raw, known.record.unpacked_hash)

    def add(self, raw: RawFile, unpacked_hash: str) -> None:
        """Record that a file's content is in the lake or about to be; the first name stays."""
        self._names.setdefault((raw.table.name, unpacked_hash), raw.name)

    def same_as(self, raw: RawFile, unpacked_hash: str) -> str | None:
        """Return the other name under which a content already exists."""
        name = self._names.get((raw.table.name, unpacked_hash))
        return None if name == raw.name else name
