"""Where pulled rows lie: files for ingest, later changes of rows, and how far the last pull came.

`landing/<domain>/files/` holds the rows as they were first seen, one Parquet file a table and pull;
ingest reads that folder like any other. `changes/` holds what became of them: a row of each update
and deletion, with the day on which it was seen. `pulled.json` is written last: files of a number
beyond the one in it are of a pull that was killed. Of an object store it holds copies of files that
are not loaded yet.
"""

import re
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipeline.project.checked import read_checked
from pipeline.project.errors import ChurnError
from pipeline.project.files import replaced
from pipeline.project.home import Home

_NUMBERED = re.compile(r"(.+)_(\d{6})\.parquet")


class PulledUpTo(BaseModel):
    """How far a table came.

    Attributes:
        connected_on: Day of its first pull, UTC.
        is_whole: Whether rows from before that day were pulled, too.
        cursor: The largest value of its cursor: microseconds since 1970, or a whole number.
        columns: Its columns with their types, those that are not read included.
        comparable: Column that is read → number of the pull from which on it is, with this type.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    connected_on: date
    is_whole: bool
    cursor: int | None = None
    columns: dict[str, str] = {}
    comparable: dict[str, int] = {}


class PulledState(BaseModel):
    """`pulled.json`.

    Attributes:
        number: Of the last pull that ended.
        tables: Table of the sources → how far it came.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = 0
    tables: dict[str, PulledUpTo] = {}


class Landing:
    """The landing folder of a domain."""

    def __init__(self, home: Home, domain: str) -> None:
        self.root = home.landing / domain

    @property
    def files(self) -> Path:
        """The folder that ingest reads."""
        return self.root / "files"

    @property
    def changes(self) -> Path:
        """The folder of updates and deletions."""
        return self.root / "changes"

    @property
    def _state(self) -> Path:
        return self.root / "pulled.json"

    def has_files(self) -> bool:
        """Whether there is anything for ingest to read."""
        return any(self.files.glob("*"))

    def read_state(self) -> PulledState:
        """Return how far the last pull came.

        Raises:
            ChurnError: The file is damaged, or gone while later files are there.
        """
        if self._state.exists():
            return read_checked(PulledState, self._state)
        numbers = [number for _, number in self._numbered()]
        if max(numbers, default=0) > 1:
            raise ChurnError(
                "It is not known how far the last pull came.",
                where=f"{self._state} is gone",
                hint="Put the file back from a backup. Or delete the folder of the domain beside "
                "it, and everything is pulled again: with today as the day it was first seen.",
            )
        return PulledState()

    def write_state(self, state: PulledState) -> None:
        """Write how far a pull came: from here on it has been."""
        with replaced(self._state) as part:
            part.write_text(state.model_dump_json(indent=1) + "\n", encoding="utf-8")

    def remove_unfinished(self, state: PulledState) -> None:
        """Remove the files of a pull that was killed before it ended."""
        for path, number in self._numbered():
            if number > state.number:
                path.unlink()

    def earlier(self, table: str) -> list[Path]:
        """Return the files of a table's rows and changes."""
        return sorted(path for path, _ in self._numbered() if _table_of(path) == table)

    def _numbered(self) -> list[tuple[Path, int]]:
        return [
            (path, int(match[2]))
            for folder in (self.files, self.changes)
            for path in folder.glob("*.parquet")
            if (match := _NUMBERED.fullmatch(path.name))
        ]


def file_name(table: str, number: int) -> str:
    """Return the name of a table's file of a pull."""
    return f"{table}_{number:06}.parquet"


def snapshot_name(table: str) -> str:
    """Return the name of the file of a table that is overwritten."""
    return f"{table}_current.parquet"


def _table_of(path: Path) -> str:
    match = _NUMBERED.fullmatch(path.name)
    return match[1] if match else ""
