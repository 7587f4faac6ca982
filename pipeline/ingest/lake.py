"""The lake's folders: reads their records, checks the origin of data, and commits new files.

A raw file's rows are in `lake/<domain>/<table>/<stem>-<hash>/`, its bad values in the folder of the
same name under quarantine. A folder appears by one rename, so readers never see half a file.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.ingest.discover import DEMO_MARK, RawFile
from pipeline.ingest.plain_text import UTF_8
from pipeline.project.errors import ChurnError
from pipeline.project.files import move_durably, write_json
from pipeline.project.home import Home
from pipeline.project.origin import ORIGIN
from pipeline.project.sums import write_sums

_RECORD = "_file.json"


@dataclass(frozen=True)
class Record:
    """`_file.json`: the raw file that a folder of the lake was loaded from.

    Attributes:
        raw_file: Name of the raw file.
        logical_name: Its name without compression.
        content_hash: Hash of its bytes as found, compressed or not.
        source_fingerprint: Hash of the YAML's columns and types.
        rows: Rows in the lake.
        quarantined: Rows in quarantine.
        reasons: Reasons for quarantine, with counts.
        ignored_columns: Columns of the file that the table does not have.
        absent_columns: Optional columns that the file does not have.
        ingested_at: When it was ingested, UTC.
        seen: Path, size and times when it was hashed; an unchanged file is not hashed again.
        duplicates: Rows left out because an equal row is in the lake.
        unpacked_hash: Hash of its bytes without compression.
        event_span: First and last time of its rows in the lake, if the table has an event time.
        encoding: Encoding that it was read in.
        accepted: Why rows in quarantine above the limit were accepted.
        spread: Rows with a value that holds line ends.
        widest: Line and number of lines of the row with most of them.
        ahead: Rows dated after the day of the ingest.
        forgotten: Rows left out because their customer had been forgotten.
        erased: Rows taken out later because their customer was.
    """

    raw_file: str
    logical_name: str
    content_hash: str
    source_fingerprint: str
    rows: int
    quarantined: int
    reasons: list[list[Any]]
    ignored_columns: list[str]
    absent_columns: list[str]
    ingested_at: str
    seen: list[Any]
    # Older records lack these fields.
    duplicates: int = 0
    unpacked_hash: str = ""
    event_span: list[str] | None = None
    encoding: str = UTF_8
    accepted: str | None = None
    spread: int = 0
    widest: list[int] = field(default_factory=lambda: [0, 0])
    ahead: int = 0
    # rows of customers who were forgotten before, and were taken out afterwards
    forgotten: int = 0
    erased: int = 0


@dataclass(frozen=True)
class Place:
    """A folder of the lake and its counterpart in quarantine."""

    home: Home
    domain: str
    table: str
    folder: str

    @property
    def lake(self) -> Path:
        """Folder of the rows."""
        return self.home.lake / self.domain / self.table / self.folder

    @property
    def quarantine(self) -> Path:
        """Folder of the bad values."""
        return self.home.quarantine / self.domain / self.table / self.folder


@dataclass(frozen=True)
class Staged:
    """A finished file in scratch."""

    place: Place
    record: Record
    lake: Path
    quarantine: Path


@dataclass
class Changes:
    """The folders that one ingest adds and removes.

    Attributes:
        staged: Finished files; each replaces the lake's folder of its name.
        superseded: Folders to remove without a replacement.
    """

    staged: list[Staged] = field(default_factory=list)
    superseded: list[Place] = field(default_factory=list)


def stat_signature(path: Path) -> list[Any]:
    """Return the path, size and times that identify a file without reading it."""
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def now() -> str:
    """Return the current time, UTC, as sortable text."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def records(home: Home, domain: str, table: str) -> dict[str, Record]:
    """Return a table's folders in the lake with their records, oldest first."""
    found = {
        path.parent.name: Record(**json.loads(path.read_text(encoding="utf-8")))
        for path in (home.lake / domain / table).glob(f"*/{_RECORD}")
    }
    return dict(sorted(found.items(), key=lambda item: item[1].ingested_at))


def latest(home: Home, domain: str, table: str) -> dict[str, tuple[Place, Record]]:
    """Return the folder and record of each logical name of a table."""
    return {
        record.logical_name: (Place(home, domain, table, folder), record)
        for folder, record in records(home, domain, table).items()
    }


def folder_name(raw: RawFile, content_hash: str) -> str:
    """Return the name of a raw file's folder."""
    return f"{raw.logical_name.removesuffix('.csv')}-{content_hash[:12]}"


def check_origin(home: Home, domain: str, raw_dir: Path) -> str:
    """Return whether a raw directory holds `demo` or `real` data.

    Raises:
        ChurnError: The lake holds the other kind.
    """
    origin = "demo" if (raw_dir / DEMO_MARK).is_file() else "real"
    mark = home.lake / domain / ORIGIN
    if mark.is_file() and any(mark.parent.glob(f"*/*/{_RECORD}")):
        there = json.loads(mark.read_text(encoding="utf-8"))["origin"]
        if there != origin:
            folders = ", ".join(
                str(folder / domain) for folder in (home.lake, home.quarantine, home.labels)
            )
            raise ChurnError(
                f"The raw files are {origin} data, but the lake of {domain!r} holds {there} data."
                " The two cannot be mixed.",
                where=f"{raw_dir} → {mark.parent}",
                hint=f"Set CHURN_HOME to another folder, or start over by deleting {folders}.",
            )
    return origin


@contextmanager
def scratch(home: Home) -> Iterator[Path]:
    """Yield a folder on the lake's file system; it is always removed at the end."""
    folder = home.work / f"ingest-{os.getpid()}"
    for left in home.work.glob("ingest-*"):
        if not _is_running(left.name.removeprefix("ingest-")):
            shutil.rmtree(left)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def recover(home: Home, domain: str, trash: Path) -> None:
    """Clean up after a killed ingest: superseded folders, and quarantine without a lake folder."""
    for table in (home.lake / domain).glob("*/"):
        newest: dict[str, str] = {}
        for folder, record in records(home, domain, table.name).items():
            if record.logical_name in newest:
                remove(Place(home, domain, table.name, newest[record.logical_name]), trash)
            newest[record.logical_name] = folder
    for folder_ in (home.quarantine / domain).glob("*/*/"):
        place = Place(home, domain, folder_.parent.name, folder_.name)
        if not place.lake.exists():
            remove(place, trash)


def commit(changes: Changes, home: Home, domain: str, origin: str, trash: Path) -> None:
    """Commit finished files, then remove the folders that they replace and superseded ones."""
    if not changes.staged and not changes.superseded:
        return
    mark = home.lake / domain / ORIGIN
    write_json(mark, {"origin": origin})
    for file in changes.staged:
        text = json.dumps(asdict(file.record), indent=2)
        (file.lake / _RECORD).write_text(text + "\n", encoding="utf-8")
        write_sums(file.lake, deep=True)
        if file.place.lake.exists():  # same bytes, other columns
            remove(file.place, trash)
        if file.quarantine.exists():
            move_durably(file.quarantine, file.place.quarantine)
        move_durably(file.lake, file.place.lake)
    for place in changes.superseded:
        remove(place, trash)
    recover(home, domain, trash)


def remove(place: Place, trash: Path) -> None:
    """Remove a folder of the lake and its counterpart in quarantine."""
    # Rename first, so that readers never see a half-deleted folder.
    for path in (place.lake, place.quarantine):
        if path.exists():
            gone = trash / f"removed-{len(list(trash.iterdir()))}"
            path.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)


def _is_running(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
