"""Takes a raw file's rows out of the lake."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.ingest import lake
from pipeline.ingest.discover import listed_names
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.sources import source_tables


@dataclass(frozen=True)
class Removal:
    """A file that is no longer in the lake.

    Attributes:
        file: The raw file.
        table: Its table.
        rows: Rows that were in the lake.
        quarantined: Rows that were in quarantine.
        files_left: Files that the table still has.
    """

    file: str
    table: str
    rows: int
    quarantined: int
    files_left: int

    def __str__(self) -> str:
        left = f"{self.files_left:,} file{'s' * (self.files_left != 1)}"
        return (
            f"Removed {self.file}: {self.rows:,} rows of {self.table}, {self.quarantined:,} in"
            f" quarantine; {self.table} has {left} left. If the file stays in the raw folder, the"
            " next ingest loads it again."
        )


def remove_file(domain: str, file: str, home: Home) -> Removal:
    """Remove a raw file's rows and bad values; the file itself stays where it is.

    Args:
        domain: The domain.
        file: Its name as ingest shows it, or without folder, archive and compression.
        home: CHURN_HOME.

    Raises:
        ChurnError: The lake has no such file, or several.
    """
    there = [
        item
        for table in source_tables(domain)
        for item in lake.latest(home, domain, table.name).values()
    ]
    found = [(place, record) for place, record in there if file in _names(record)]
    if len(found) != 1:
        names = [record.raw_file for _, record in (found or there)]
        raise ChurnError(
            f"The lake of {domain!r} has {'several files' if found else 'no file'} {file!r}.",
            where=f"Files in the lake: {listed_names(names, 50) or 'none'}.",
            hint="Give the name of one of them.",
        )
    place, record = found[0]
    with lake.scratch(home) as trash:
        lake.remove(place, trash)
    left = len(lake.records(home, domain, place.table))
    return Removal(record.raw_file, place.table, record.rows, record.quarantined, left)


def _names(record: lake.Record) -> set[str]:
    innermost = record.raw_file.rpartition(":")[2]
    return {record.raw_file, record.logical_name, innermost, PurePosixPath(innermost).name}
