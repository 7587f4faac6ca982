"""Finds raw files of one table whose events overlap in time, and the rows that are in both.

Nothing is removed: one file's rows would then depend on the other file, which may be replaced later
when the first one can no longer be re-read.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.ingest.lake import records
from pipeline.project.duck import files_sql
from pipeline.project.files import write_json
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable

# Of each table, the rows in both of two folders, by their names, which change with their content.
_COUNTED = "_overlaps_{table}.json"


@dataclass(frozen=True)
class Overlap:
    """Two raw files and the time span that both cover, UTC, both ends included.

    Attributes:
        first: The file that begins first.
        second: The other file.
        since: First time that is in both.
        until: Last time that is in both.
        rows: Rows of the second file that are also in the first.
    """

    first: str
    second: str
    since: str
    until: str
    rows: int = 0

    def __str__(self) -> str:
        return (
            f"{self.first} and {self.second} from {self.since} to {self.until}"
            f" ({self.rows:,} row{'s' * (self.rows != 1)} in both)"
        )


def overlaps(home: Home, table: SourceTable) -> tuple[Overlap, ...]:
    """Return each file of a table that begins before an earlier file ends.

    It is paired with the overlapping file that ends last.
    """
    spans = sorted(
        (*record.event_span, record.raw_file, folder)
        for folder, record in records(home, table.domain, table.name).items()
        if record.event_span
    )
    path = home.lake / table.domain / _COUNTED.format(table=table.name)
    counted: dict[str, int] = json.loads(path.read_text()) if path.is_file() else {}
    kept: dict[str, int] = {}
    found = []
    furthest = ("", "", "")
    for since, until, name, folder in spans:
        if since <= furthest[0]:
            until_both = min(until, furthest[0])
            pair = f"{furthest[2]}/{folder}"
            if pair in counted:
                kept[pair] = counted[pair]
            else:
                kept[pair] = _in_both(home, table, furthest[2], folder, since, until_both)
            found.append(Overlap(furthest[1], name, since, until_both, kept[pair]))
        furthest = max(furthest, (until, name, folder))
    if kept != counted:
        write_json(path, kept)
    return tuple(found)


def _in_both(
    home: Home, table: SourceTable, first: str, second: str, since: str, until: str
) -> int:
    """Return the rows of the second folder in a time span that are also in the first."""
    row_hash = "hash(" + ", ".join(f'"{column.name}"' for column in table.columns) + ")"
    one, other = (
        f"(select {row_hash} as row_hash"
        f" from read_parquet([{files_sql(_files(home, table, folder))}],"
        " union_by_name = true, hive_partitioning = false)"
        f""" where "{table.event_time}" between '{since}' and '{until}')"""
        for folder in (first, second)
    )
    with duckdb.connect() as connection:
        row = connection.execute(
            f"select count(*) from {other} where row_hash in (select row_hash from {one})"
        ).fetchone()
    return int(row[0]) if row else 0


def _files(home: Home, table: SourceTable, folder: str) -> list[Path]:
    return sorted((home.lake / table.domain / table.name / folder).rglob("*.parquet"))
