"""`churn restore`: puts a backup in the place of what is in a CHURN_HOME."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from pipeline.operations.backup import (
    FORGOTTEN_BESIDE,
    BackupManifest,
    backup_folders,
    copy_state,
    kept_files,
    read_backup,
    remember_backups,
)
from pipeline.operations.certificate import write_certificate
from pipeline.operations.erase import erase_forgotten
from pipeline.project.errors import ChurnError
from pipeline.project.files import clone, empty_folder, sync
from pipeline.project.forgotten import merge_forgotten, read_forgotten, read_list
from pipeline.project.generations import current_file, offer
from pipeline.project.home import Home
from pipeline.runs.rebuild import discard_warehouse

# What is published is named last, so that readers see the old generation or the new one.
_LAST = ("published",)
_UNDER_WAY = ".restoring"


def restore(
    home: Home, folder: Path, say: Callable[[str], None], *, is_agreed: bool
) -> BackupManifest:
    """Put a backup in the place of what is in a CHURN_HOME; call it with the writer's lock held.

    Services may run: readers follow to the restored generation, and the restored state is written
    into the open one, so that the keys that count are those of the backup at the next request.
    A restore that was killed is done again by the same command; until then nothing else writes.

    Args:
        home: CHURN_HOME; what the backup holds and what it does not hold of it is replaced.
        folder: The backup.
        say: Told about the progress.
        is_agreed: What is there may be replaced.

    Raises:
        ChurnError: It is not a backup, or is damaged or newer; or there is something that must not
            be replaced.
    """
    folder = folder.expanduser().resolve()
    manifest = read_backup(folder)
    say(f"{manifest.files:,} files of {manifest.made_at:%Y-%m-%d %H:%M} UTC are whole")
    home.root.mkdir(parents=True, exist_ok=True)
    there = [path for path in home.root.iterdir() if not path.name.startswith(".")]
    if there and not is_agreed and not (home.root / _UNDER_WAY).exists():
        raise ChurnError(
            "There is something in CHURN_HOME, and a restore replaces it.",
            where=str(home.root),
            hint="Restore into an empty CHURN_HOME, or add --yes to replace what is there.",
        )
    staged = empty_folder(home.root / ".restored")
    for path in kept_files(folder):
        target = staged / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        clone(path, target)
        shutil.copystat(path, target)
        sync(target)
    folders = backup_folders(home)
    # whoever was forgotten here or since the backup stays so
    for forgotten in (
        read_forgotten(home),
        read_list(folder.parent / FORGOTTEN_BESIDE),
    ):
        merge_forgotten(Home(staged), forgotten)
    # from here on a kill leaves a mixture, which the same command mends
    mark = home.root / _UNDER_WAY
    mark.write_text(f"{folder}\n", encoding="utf-8")
    sync(mark)
    sync(home.root)
    _restore_state(home, folder / home.state.name)
    names = sorted({path.name for path in staged.iterdir()}, key=lambda name: name in _LAST)
    replaced = empty_folder(home.root / ".replaced")
    for name in names:
        _swap(home.root / name, staged / name, replaced / name)
    for path in list(kept_files(home.root)):
        if path.relative_to(home.root).parts[0] not in names:
            path.unlink()
    discard_warehouse(home)
    shutil.rmtree(home.state_export, ignore_errors=True)
    published = current_file(home)
    if published is not None:
        offer(home, published.stem)
    shutil.rmtree(staged)
    shutil.rmtree(replaced)
    remember_backups(home, folders)
    for done in erase_forgotten(home, say):
        write_certificate(home, done)
    mark.unlink(missing_ok=True)
    sync(home.root)
    return manifest


def check_not_restoring(home: Home) -> None:
    """Check that no restore was killed half-way.

    Raises:
        ChurnError: One was; the same command ends it.
    """
    mark = home.root / _UNDER_WAY
    if mark.exists():
        raise ChurnError(
            "A restore was interrupted, so what is here is of two times.",
            where=str(home.root),
            hint=f"Run it again: churn restore {mark.read_text(encoding='utf-8').strip()} --yes",
        )


def _swap(target: Path, staged: Path, replaced: Path) -> None:
    if target.exists():
        target.replace(replaced)
    staged.replace(target)
    sync(target.parent)


def _restore_state(home: Home, source: Path) -> None:
    """Write the state of the backup into the open one, or in its place if that is not whole."""
    if not source.exists():
        return
    if home.state.exists():
        try:
            with (
                closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as saved,
                closing(sqlite3.connect(home.state, timeout=60)) as live,
            ):
                live.execute("select count(*) from sqlite_master").fetchone()
                saved.backup(live)
                live.execute("pragma journal_mode = wal")
            return
        except sqlite3.DatabaseError:
            pass
    part = home.root / ".state.part"
    part.unlink(missing_ok=True)
    copy_state(source, part)
    for suffix in ("-wal", "-shm"):
        home.state.with_name(f"{home.state.name}{suffix}").unlink(missing_ok=True)
    part.replace(home.state)
    sync(home.root)
