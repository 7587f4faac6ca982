"""What a database is asked, whichever it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.project.errors import ChurnError

Sort = Literal["moment", "day", "whole", "number", "other"]


@dataclass(frozen=True)
class DatabaseColumn:
    """A column of a table.

    Attributes:
        kind: Its type, in the words of the database.
        sort: What the type holds, as far as a cursor or an event time has to know.
        is_zoned: Whether a moment has a zone.
    """

    kind: str
    sort: Sort
    is_zoned: bool = False


@dataclass(frozen=True)
class RowWindow:
    """Which rows are read.

    Attributes:
        cursor: The column that rises.
        since: Rows from this value of it on, and those without one; all rows if None.
        event: The column of the event time.
        events_since: Rows from this day on; all rows if None.
    """

    cursor: str | None = None
    since: datetime | date | int | None = None
    event: str | None = None
    events_since: date | None = None


class DatabaseReader(Protocol):
    """A connection in one read-only transaction: what is read fits together.

    Attributes:
        note: What has to be said of the way to this database; empty without anything.
    """

    note: str

    def columns(self, table: str) -> dict[str, DatabaseColumn]:
        """Return a table's columns, in order; none if it is not there."""
        ...

    def primary_key(self, table: str) -> tuple[str, ...]:
        """Return the columns of its primary key."""
        ...

    def tables(self) -> list[str]:
        """Return the tables and views that can be read."""
        ...

    def read(self, table: str, names: Sequence[str], window: RowWindow) -> pa.RecordBatchReader:
        """Return rows in batches, as they come."""
        ...

    def count(self, table: str, window: RowWindow) -> int:
        """Return how many rows a window has."""
        ...


def write_batches(batches: pa.RecordBatchReader, path: Path) -> None:
    """Write rows to a Parquet file as they come, a batch in memory at a time."""
    with pq.ParquetWriter(path, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


def unreachable(words: str, said: str) -> ChurnError:
    """Return what is raised where a database does not answer."""
    return ChurnError(
        "The database cannot be reached.",
        where=f"{said}: {words}",
        hint="Nothing was pulled, and nothing is lost: the next pull begins where the last one "
        "ended.",
    )


def refused(words: str, said: str) -> ChurnError:
    """Return what is raised where a database refuses a question."""
    return ChurnError(
        f"The database refused: {words}",
        where=said,
        hint="Nothing was pulled, and nothing is lost. The user needs the right to read the "
        "tables of the entry.",
    )


def missing(names: Sequence[str], columns: Mapping[str, DatabaseColumn]) -> list[str]:
    """Return those of the names that are not columns."""
    return [name for name in names if name not in columns]
