"""`churn backup`: a copy of CHURN_HOME that restores, made while everything runs.

Files appear in CHURN_HOME by one rename each, so a copy of one is whole. That they fit each other
is seen by going over them again: the copy is taken once nothing has changed meanwhile. The state is
taken last, by SQLite's own backup, so it knows at least what the published generation knew.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.project.checked import read_checked
from pipeline.project.errors import ChurnError
from pipeline.project.failures import in_words
from pipeline.project.files import clone, empty_folder, move_durably, sync, write_json
from pipeline.project.forgotten import forgotten_file, merge_into, read_forgotten
from pipeline.project.generations import COPIES, DATABASE, current_file
from pipeline.project.home import Home
from pipeline.project.state import VERSIONS
from pipeline.project.state_sums import damages as state_damages
from pipeline.project.sums import (
    SUMS,
    Damage,
    damages,
    damages_of,
    listed_damages,
    read_sums,
    write_sums_of,
)

MANIFEST = "backup.json"
# In CHURN_HOME: the folders that backups were made in. Beside backups: whoever was forgotten since.
BACKUPS = "backups.json"
FORGOTTEN_BESIDE = "churn_forgotten.json"
# Derived from the rest, or somebody else's: raw files are kept where they come from.
_LEFT_OUT = (
    "raw",
    "warehouse.duckdb",
    "warehouse.duckdb.wal",
    "dev.duckdb",
    "dev.duckdb.wal",
    "dev_copy.duckdb",
    "dbt",
    "features",
    "scratch",
    "state",
    "bench",
)
_STATE = ("state.sqlite", "state.sqlite-wal", "state.sqlite-shm", "state.sqlite-journal")
# Folders that change at any time and that nothing else has to fit.
_LOOSE = ("nights", "status.json", "batch", "drafts", "deliveries")
# A night writes for seconds and computes for minutes: a pause is found within this.
_PATIENCE = 1800.0
_PAUSE = 0.2

Signature = dict[str, tuple[int, int, int]]


class BackupManifest(BaseModel):
    """What is known of a backup.

    Attributes:
        kind: Says that this is one.
        made_at: When, UTC.
        platform: Version of the platform.
        state_version: Version of the state; None without one.
        generation: The published generation; None without one.
        files: Files, this one and their hashes not counted.
        bytes: Their size.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["churn backup"]
    made_at: datetime
    platform: str
    state_version: str | None
    generation: str | None
    files: int
    bytes: int


def back_up(
    home: Home, target: Path, say: Callable[[str], None], patience: float = _PATIENCE
) -> BackupManifest:
    """Copy CHURN_HOME into a new folder, which is there once it is whole.

    Args:
        home: CHURN_HOME; whatever runs in it goes on.
        target: A folder that does not exist or is empty.
        say: Told about the progress.
        patience: Seconds to wait for a moment in which nothing is written.

    Raises:
        ChurnError: The folder has something in it or is inside CHURN_HOME, there is nothing to
            back up, a file was damaged before it was copied, or the disk is full.
    """
    target = target.expanduser().resolve()
    _check_target(home, target)
    part = target.with_name(f".{target.name}.part")
    # before the copy, so that the backup knows itself
    remember_backups(home, [str(target.parent)])
    try:
        empty_folder(part)
        _copy_until_still(home, part, say, time.monotonic() + patience)
        state_version = copy_state(home.state, part / home.state.name)
        _check_copies(part)
        copied = [path for path in part.rglob("*") if path.is_file()]
        generation = current_file(Home(part))
        manifest = BackupManifest(
            kind="churn backup",
            made_at=datetime.now(UTC),
            platform=version("churn-platform"),
            state_version=state_version,
            generation=generation.stem if generation else None,
            files=len(copied),
            bytes=sum(path.stat().st_size for path in copied),
        )
        write_json(part / MANIFEST, manifest.model_dump(mode="json"))
        write_sums_of(part / SUMS, [*copied, part / MANIFEST])
        if target.exists():
            target.rmdir()
        move_durably(part, target)
        lay_beside_backups(home)
    except OSError as problem:
        told = in_words(problem)
        if told is None:
            raise
        raise ChurnError(
            told.what, where=told.where or str(target), hint="Choose another place for the backup."
        ) from problem
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return manifest


def remember_backups(home: Home, folders: Iterable[str]) -> None:
    """Keep where backups are: an erasure lays the list of the forgotten beside them."""
    known = backup_folders(home)
    found = sorted({*known, *folders})
    if found != known:
        write_json(home.root / BACKUPS, found)


def backup_folders(home: Home) -> list[str]:
    """Return the folders that backups were made in."""
    path = home.root / BACKUPS
    if not path.exists():
        return []
    found: list[str] = read_checked(list[str], path, "Delete it; the next backup writes it.")
    return found


def lay_beside_backups(home: Home) -> list[Path]:
    """Write the list of the forgotten beside every backup that can be reached.

    A backup that is older than an erasure knows the customer; a restore of it reads this list, too.
    """
    if not forgotten_file(home).exists():
        return []
    written = []
    for folder in map(Path, backup_folders(home)):
        if folder.is_dir():
            merge_into(folder / FORGOTTEN_BESIDE, read_forgotten(home))
            written.append(folder / FORGOTTEN_BESIDE)
    return written


def _check_target(home: Home, target: Path) -> None:
    if not home.root.is_dir() or not any(home.root.iterdir()):
        raise ChurnError(
            "There is nothing to back up.", where=str(home.root), hint="Set CHURN_HOME."
        )
    if target == home.root or home.root in target.parents:
        raise ChurnError(
            "A backup cannot be inside of what it is a backup of.",
            where=str(target),
            hint="Choose a folder outside of CHURN_HOME, best on another disk.",
        )
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ChurnError(
            "There is something in the folder already.",
            where=str(target),
            hint="Give each backup a folder of its own, such as one named by the day.",
        )


def kept_files(root: Path) -> Iterator[Path]:
    """Yield the files of a CHURN_HOME that a backup holds, but for the state."""
    for entry in sorted(root.iterdir()):
        if entry.name.startswith(".") or entry.name in (*_LEFT_OUT, *_STATE, MANIFEST, SUMS):
            continue
        for path in [entry] if entry.is_file() else sorted(entry.rglob("*")):
            is_hidden = any(name.startswith(".") for name in path.relative_to(root).parts)
            is_for_others = path.parent.name == "published" and path.name in (COPIES, DATABASE)
            if path.is_file() and not path.is_symlink() and not is_hidden and not is_for_others:
                yield path


def _signature(root: Path) -> Signature:
    found: Signature = {}
    for path in kept_files(root):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        found[path.relative_to(root).as_posix()] = (
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
        )
    return found


def _has_to_fit(found: Signature) -> Signature:
    return {name: seen for name, seen in found.items() if name.split("/")[0] not in _LOOSE}


def _copy_until_still(home: Home, part: Path, say: Callable[[str], None], until: float) -> None:
    """Copy what has changed until nothing does while it is copied."""
    copied: Signature = {}
    while True:
        before = _signature(home.root)
        for name in copied.keys() - before.keys():
            (part / name).unlink(missing_ok=True)
            del copied[name]
        for name, seen in before.items():
            if copied.get(name) == seen:
                continue
            try:
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                (part / name).unlink(missing_ok=True)
                clone(home.root / name, part / name)
                shutil.copystat(home.root / name, part / name)
                copied[name] = seen
            except FileNotFoundError:
                copied.pop(name, None)
                (part / name).unlink(missing_ok=True)
        after = _signature(home.root)
        if _has_to_fit(after) == _has_to_fit(copied):
            return
        if time.monotonic() > until:
            raise ChurnError(
                "Something is being written all the time, so the copies do not fit each other.",
                where=str(home.root),
                hint="Wait for the running command to end, and back up again.",
            )
        say("something was written meanwhile: what has changed is copied again")
        time.sleep(_PAUSE)


def copy_state(source: Path, target: Path) -> str | None:
    """Copy the state while others write to it; return its version, None if there is no state.

    Raises:
        ChurnError: It is damaged.
    """
    if not source.exists():
        return None
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=60)) as live,
            closing(sqlite3.connect(target, timeout=60)) as copy,
        ):
            # all pages in one step: what is committed meanwhile does not begin it again
            live.backup(copy, pages=-1)
            copy.execute("pragma journal_mode = delete")
            said = state_damages(copy)
            found = state_version_of(copy)
    except sqlite3.DatabaseError as problem:
        raise _damaged_state(source, str(problem)) from problem
    if said:
        raise _damaged_state(source, "; ".join(said[:3]))
    sync(target)
    return found


def _damaged_state(source: Path, why: str) -> ChurnError:
    return ChurnError(
        "The state is damaged, so no backup was made of it.",
        where=f"{source}: {why}",
        hint="Restore the newest backup that is whole: churn restore FOLDER.",
    )


def state_version_of(connection: sqlite3.Connection) -> str | None:
    """Return the version of a state; None for one from before versions."""
    has = connection.execute("select 1 from sqlite_master where name = 'alembic_version'")
    if has.fetchone() is None:
        return None
    row = connection.execute("select version_num from alembic_version").fetchone()
    return str(row[0]) if row else None


def _check_copies(part: Path) -> None:
    """Compare the copies with the content hashes that came with them.

    Raises:
        ChurnError: A file was damaged before it was copied: a backup must not replace a good one.
    """
    found: list[Damage] = []
    for sums in sorted(part.rglob("*")):
        if sums.name == SUMS:
            found += damages(sums.parent, deep="lake" in sums.parts, is_closed=False)
        elif sums.suffix == ".sha256":
            wanted = read_sums(sums)
            found += damages_of(sums.parent, wanted)
    if found:
        raise ChurnError(
            f"{len(found)} files are damaged, so no backup was made of them.",
            where=listed_damages(found),
            hint="churn verify says what to do about each.",
        )


def read_backup(folder: Path) -> BackupManifest:
    """Return what is known of a backup after comparing all of it with its hashes.

    Raises:
        ChurnError: It is not a backup, is damaged, or is of a newer version.
    """
    if not (folder / MANIFEST).is_file() or not (folder / SUMS).is_file():
        raise ChurnError(
            "This is not a backup.",
            where=str(folder),
            hint=f"A backup is a folder that churn backup made, with {MANIFEST} and {SUMS} in it. "
            "A plain copy of a CHURN_HOME needs no restore: set CHURN_HOME to it, with the -wal "
            "file of the state beside it, and run churn verify.",
        )
    found = damages_of(folder, read_sums(folder / SUMS))
    if found:
        raise ChurnError(
            f"{len(found)} files of the backup are damaged; nothing was restored.",
            where=listed_damages(found),
            hint="Use another backup.",
        )
    manifest = read_checked(BackupManifest, folder / MANIFEST, "Use another backup.")
    if manifest.state_version is not None and manifest.state_version not in VERSIONS:
        raise ChurnError(
            f"The backup was made by a newer version of the platform, {manifest.platform}.",
            where=f"{folder}: version {manifest.state_version} of the state, known are up to "
            f"{VERSIONS[-1]}",
            hint="Install that version, or use an older backup. Nothing was restored.",
        )
    return manifest
