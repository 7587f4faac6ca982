"""Finds raw files of one table whose events overlap in time: an event in both counts twice.

Nothing is removed: one file's rows would then depend on the other file, which may be replaced later
when the first one can no longer be re-read.
"""

from dataclasses import dataclass

from pipeline.ingest.lake import records
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable


@dataclass(frozen=True)
class Overlap:
    """Two raw files and the time span that both cover, UTC, both ends included."""

    first: str
    second: str
    since: str
    until: str

    def __str__(self) -> str:
        return f"{self.first} and {self.second} from {self.since} to {self.until}"


def overlaps(home: Home, table: SourceTable) -> tuple[Overlap, ...]:
    """Return each file of a deduplicated table that begins before an earlier file ends.

    It is paired with the overlapping file that ends last.
    """
    spans = sorted(
        (*record.event_span, record.raw_file)
        for record in records(home, table.domain, table.name).values()
        if record.event_span
    )
    found = []
    furthest = ("", "")
    for since, until, name in spans:
        if since <= furthest[0]:
            found.append(Overlap(furthest[1], name, since, min(until, furthest[0])))
        furthest = max(furthest, (until, name))
    return tuple(found)
