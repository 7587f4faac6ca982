"""Files that readers see whole or not at all."""

import json
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
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, document: Any) -> None:
    """Write a document as JSON; readers see the old one or the new one."""
    with replaced(path) as part:
        part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def empty_folder(path: Path) -> Path:
    """Return the folder, made, with nothing in it."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path
