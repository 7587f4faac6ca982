"""Looks raw files up in the lake before they are read, by name and by content."""

from dataclasses import dataclass
from typing import Any

from pipeline.ingest import lake
from pipeline.ingest.digest import Digest, digest
from pipeline.ingest.discover import RawFile
from pipeline.project.home import Home


@dataclass(frozen=True)
class KnownFile:
    """A raw file and the lake's record under its name.

    Attributes:
        raw: The raw file.
        content: Hash of its bytes.
        seen: Path, size and times, which identify it without reading it.
        place: The lake's folder for its name; None without one.
        record: The record of that folder.
    """

    raw: RawFile
    content: Digest
    seen: list[Any]
    place: lake.Place | None
    record: lake.Record | None

    @property
    def is_in_lake(self) -> bool:
        """Whether the lake has this content, typed as the YAML says now."""
        if self.record is None:
            return False
        there = (self.record.content_hash, self.record.source_fingerprint)
        return there == (self.content.sha256, self.raw.table.fingerprint())


def look_up(raw: RawFile, there: dict[str, tuple[lake.Place, lake.Record]]) -> KnownFile:
    """Look a raw file up in its table; a file is hashed unless it is unchanged."""
    place, record = there.get(raw.logical_name, (None, None))
    seen = [*lake.stat_signature(raw.path), raw.member]
    if record and record.seen == seen:
        return KnownFile(raw, Digest(record.content_hash, lines=None), seen, place, record)
    return KnownFile(raw, digest(raw.path), seen, place, record)


class Contents:
    """The unpacked contents of deduplicated tables that are in the lake or about to be.

    A file whose content is in the lake under another name would add every row twice.
    """

    def __init__(self, files: list[KnownFile], home: Home) -> None:
        # Of this call's files, only unchanged ones count: the lake's content of the others may be
        # about to be replaced.
        here = {(known.raw.table.name, known.raw.logical_name) for known in files}
        self._names: dict[tuple[str, str], str] = {}
        for table in {known.raw.table for known in files if known.raw.table.deduplicate}:
            for record in lake.records(home, table.domain, table.name).values():
                if (table.name, record.logical_name) not in here:
                    self._names[table.name, record.unpacked_hash] = record.raw_file
        for known in files:
            if known.record and known.is_in_lake:
                self.add(known.raw, known.record.unpacked_hash)

    def add(self, raw: RawFile, unpacked_hash: str) -> None:
        """Record that a file's content is in the lake or about to be."""
        if raw.table.deduplicate:
            self._names[raw.table.name, unpacked_hash] = raw.name

    def same_as(self, raw: RawFile, unpacked_hash: str) -> str | None:
        """Return the name under which a content already exists."""
        return self._names.get((raw.table.name, unpacked_hash))
