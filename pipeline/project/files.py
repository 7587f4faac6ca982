"""Files that readers see whole or not at all, and that a power cut does not take back."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; it takes the place of `path` when the block ends.

    A block that fails leaves the old file as it was, and nothing beside it. Folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        move_durably(part, path)
    finally:
        part.unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Remove what a killed process left of `replaced`; nobody else may write in the folder."""
    for part in folder.rglob(".*.part"):
        remove(part)


def remove(path: Path) -> None:
    """Remove a file, a folder, or a link itself, whatever it points to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def move_durably(part: Path, target: Path) -> None:
    """Rename a file or a folder once all of it is on disk; folders of the target are made.

    Without this, a power cut after the rename can leave an empty or a torn file under the new name.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if part.is_dir():
        for written in part.rglob("*"):
            sync(written)
    sync(part)
    part.replace(target)
    sync(target.parent)


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, document: Any) -> None:
    """Write a document as JSON; readers see the old one or the new one."""
    with replaced(path) as part:
        part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def clone(source: Path, target: Path) -> None:
    """Copy a file; where the file system can, the two share their blocks until one changes."""
    with source.open("rb") as read, target.open("wb") as written:
        try:
            fcntl.ioctl(written, _FICLONE, read.fileno())
        except OSError:
            shutil.copyfile(source, target)


def empty_folder(path: Path) -> Path:
    """Return the folder, made, with nothing in it."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


# The request of ioctl_ficlone(2), which the standard library does not name.
_FICLONE = 0x40049409
