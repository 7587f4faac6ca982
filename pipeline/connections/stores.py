"""Copies what is new in a folder of an object store to where ingest reads it.

A copy stays until it is loaded. Then its size and time are kept, by which the next pull knows it,
and the copy is deleted: the rows are in the lake, and a file that nobody reads would have to forget
people, too.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from time import time_ns
from typing import Any

import pyarrow as pa
from pyarrow import fs
from pydantic import BaseModel, ConfigDict

from pipeline.connections.landing import Landing
from pipeline.ingest.discover import is_recognised
from pipeline.ingest.lake import records
from pipeline.project.checked import read_checked
from pipeline.project.databases import without_address
from pipeline.project.errors import ChurnError
from pipeline.project.files import move_durably, replaced
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable

_CHUNK = 1 << 22
# Stores tell seconds: a file so young may change once more within the one that it has.
_YOUNG = 5 * 10**9
_DATA = (".csv", ".csv.gz", ".parquet", ".zip", ".7z")
_KEPT = "Nothing was pulled, and nothing is lost. "


class StoredFile(BaseModel):
    """What tells a file of a store from a later one of its name.

    Attributes:
        size: In bytes.
        changed_at: When it was written, as the store says it; empty if that was a moment before it
            was copied, and so says nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int
    changed_at: str


class StoreState(BaseModel):
    """`copied.json`, by the name that a file has for ingest.

    Attributes:
        read: Files whose rows are loaded.
        copied: Files that lie in landing and are not loaded yet.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    read: dict[str, StoredFile] = {}
    copied: dict[str, StoredFile] = {}


@dataclass(frozen=True)
class CopiedFiles:
    """What a pull found in a store.

    Attributes:
        there: Files that a table takes.
        new: Those that were never read, copied now.
        changed: Those that are others than were read, or whose table is read by other rules now.
        gone: Files that were read and are not there any more.
        others: Files that no table takes.
    """

    there: int
    new: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    others: int


def copy_new_files(
    url: str, said: str, home: Home, tables: tuple[SourceTable, ...], scratch: Path
) -> CopiedFiles:
    """Copy new and changed files of a store to landing; all of them or none.

    Args:
        url: Address of a folder in a store.
        said: What may be said of it.
        home: CHURN_HOME; the caller has its lock.
        tables: The domain's tables.
        scratch: A folder on the file system of landing.

    Raises:
        ChurnError: The store cannot be read, or two of its files would have one name.
    """
    landing = Landing(home, tables[0].domain)
    state = _read_state(landing)
    folder = _opened(url, said)
    listed = folder.files()
    there = {name: one for name, one in listed.items() if is_recognised(name, tables)}
    now = time_ns()
    files = {name: _identity(one) for name, one in there.items()}
    again = _read_by_other_rules(home, tables)
    wanted = [
        name
        for name, one in files.items()
        if state.read.get(name) != one or not one.changed_at or name in again
    ]
    for name in wanted:
        folder.copy(there[name], scratch / name)
    gone = sorted(state.read.keys() - files.keys())
    # what an earlier pull left is not loaded: it is among the new ones if it is still there
    _remove(landing, state.copied)
    read = {name: one for name, one in state.read.items() if name not in {*gone, *wanted}}
    copied = {name: _known(files[name], now) for name in wanted}
    # before the files: those that a kill leaves behind are known to the next pull
    _write_state(landing, StoreState(read=read, copied=copied))
    for name in wanted:
        move_durably(scratch / name, landing.files / name)
    return CopiedFiles(
        len(files),
        tuple(name for name in wanted if name not in state.read),
        tuple(name for name in wanted if name in state.read),
        tuple(gone),
        len(listed) - len(files),
    )


def copy_all_files(url: str, said: str, folder: Path) -> None:
    """Copy the data files of a store, for a domain that is not made yet.

    Raises:
        ChurnError: The store cannot be read, or two of its files would have one name.
    """
    store = _opened(url, said)
    for name, one in store.files().items():
        if name.lower().endswith(_DATA):
            store.copy(one, folder / name)


def note_loaded(home: Home, domain: str) -> None:
    """Delete the copies that are loaded now and remember which files they were of."""
    landing = Landing(home, domain)
    state = _read_state(landing)
    if not state.copied:
        return
    _remove(landing, state.copied)
    _write_state(landing, StoreState(read={**state.read, **state.copied}))


def _remove(landing: Landing, names: Iterable[str]) -> None:
    """Delete copies; rows that came from a database, while the entry named one, stay."""
    for name in names:
        (landing.files / name).unlink(missing_ok=True)


def _opened(url: str, said: str) -> "_Folder":
    try:
        store, folder = fs.FileSystem.from_uri(url)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ChurnError(
            "The address of the store cannot be read.",
            where=f"{said}: {without_address(str(error), url)}",
            hint=_KEPT + "Write s3://BUCKET/FOLDER, gs://BUCKET/FOLDER, "
            "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/FOLDER or file:///FOLDER.",
        ) from None
    return _Folder(store, folder, url, said)


class _Folder:
    """A folder of a store, whose failures are told in words and without its address."""

    def __init__(self, store: fs.FileSystem, path: str, url: str, said: str) -> None:
        self._store, self._path, self._url, self._said = store, path, url, said

    def files(self) -> dict[str, fs.FileInfo]:
        """Return the files below, by the name that each has in a folder without folders."""
        selector = fs.FileSelector(self._path, recursive=True)
        found: dict[str, fs.FileInfo] = {}
        for one in self._asked(lambda: self._store.get_file_info(selector)):
            if one.type != fs.FileType.File:
                continue
            name = "-".join(PurePosixPath(one.path).relative_to(self._path).parts)
            if name in found:
                raise ChurnError(
                    f"Two files of the store would both be called {name}.",
                    where=f"{self._said}: a file in a folder is called FOLDER-FILE here",
                    hint=_KEPT + "Rename one of them.",
                )
            found[name] = one
        return found

    def copy(self, one: fs.FileInfo, target: Path) -> None:
        """Copy a file; a copy that is shorter than the store said is refused."""
        stream = self._asked(lambda: self._store.open_input_stream(one.path, compression=None))
        with stream, target.open("wb") as file:
            while part := self._asked(lambda: stream.read(_CHUNK)):
                file.write(part)
        if target.stat().st_size != one.size:
            raise ChurnError(
                f"{one.base_name} was written while it was copied.",
                where=f"{self._said}: {target.stat().st_size:,} of {one.size:,} bytes came",
                hint=_KEPT + "Pull again when it is whole.",
            )

    def _asked(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except (OSError, pa.ArrowException) as error:
            raise ChurnError(
                "The store cannot be read.",
                where=f"{self._said}: {without_address(str(error), self._url)}",
                hint=_KEPT + "Look at the address and at the rights of whoever runs this; the "
                "next pull begins where the last one ended.",
            ) from None


def _known(file: StoredFile, now: int) -> StoredFile:
    is_young = not file.changed_at or int(file.changed_at) > now - _YOUNG
    return file.model_copy(update={"changed_at": ""}) if is_young else file


def _identity(one: fs.FileInfo) -> StoredFile:
    return StoredFile(size=one.size, changed_at=str(one.mtime_ns or ""))


def _read_by_other_rules(home: Home, tables: tuple[SourceTable, ...]) -> set[str]:
    """Files whose table has other columns or rules than when they were loaded."""
    return {
        record.raw_file.partition(":")[0]
        for table in tables
        for record in records(home, table.domain, table.name).values()
        if record.source_fingerprint != table.fingerprint()
    }


def _read_state(landing: Landing) -> StoreState:
    path = landing.root / "copied.json"
    return read_checked(StoreState, path) if path.exists() else StoreState()


def _write_state(landing: Landing, state: StoreState) -> None:
    with replaced(landing.root / "copied.json") as part:
        part.write_text(state.model_dump_json(indent=1) + "\n", encoding="utf-8")
