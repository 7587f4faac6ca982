"""Which generation is published: `published/current.json` names it, and a publish renames it over.

Our own readers open the file of that generation. `published/current.duckdb` is a copy of it for
everybody else: whatever a client does to it, the generation stays as it is.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.project.errors import ChurnError
from pipeline.project.files import clone, replaced, sync, write_json
from pipeline.project.home import Home
from pipeline.project.stores import generation_damages

# Names of what outsiders open: the database, and the folder of the Parquet and CSV copies.
DATABASE, COPIES = "current.duckdb", "current"
_READ_ONLY = 0o444


def current_file(home: Home) -> Path | None:
    """Return the database of the generation that is published; None before the first publish.

    If somebody deleted it, or it is not whole, the newest of those that were published before and
    are.

    Raises:
        ChurnError: `published/current.json` cannot be read.
    """
    return first_whole(home, named(home))


def first_whole(home: Home, names: Iterable[str]) -> Path | None:
    """Return the database of the first of these generations that is whole; None if none is."""
    paths = (home.published / f"{name}.duckdb" for name in names)
    return next((path for path in paths if _is_whole(path)), None)


def _is_whole(database: Path) -> bool:
    """Whether a generation's database is there, begins like one and was not cut off."""
    try:
        with database.open("rb") as file:
            begin = file.read(12)
        size = json.loads(database.with_suffix(".json").read_text(encoding="utf-8")).get("bytes")
    except (OSError, ValueError):
        return False
    # generations from before this did not note their size
    if begin[8:] != b"DUCK" or database.stat().st_size < (size or 0):
        return False
    # the database has a checksum a block, and the look-ups one a document
    return not generation_damages(database, only_read=True)


def named(home: Home) -> list[str]:
    """Return the names of the generation that is published and of those before, newest first.

    Raises:
        ChurnError: `published/current.json` cannot be read.
    """
    path = home.published / "current.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return [document["generation"], *reversed(document["before"])]
    except FileNotFoundError:
        # until a publish of this version: the database was a link to the generation's file
        link = home.published / DATABASE
        return [link.resolve().stem] if link.is_symlink() else []
    except (ValueError, KeyError, TypeError) as error:
        raise ChurnError(
            "What is published cannot be told: the file that names it cannot be read.",
            where=f"{path}: {error}",
            hint="Delete the file and publish again: churn publish. Nothing else is lost.",
        ) from error


def name_current(home: Home, name: str, before: Iterable[str] = (), **more: Any) -> None:
    """Make a generation the published one: the one switch of a publish.

    Args:
        home: CHURN_HOME.
        name: The generation.
        before: Generations that were published before and are kept, oldest first.
        more: What else the document says, for whoever reads it.
    """
    write_json(home.published / "current.json", {"generation": name, "before": list(before)} | more)


def copy_for_others(database: Path, target: Path) -> None:
    """Write the copy of a generation's database that others open."""
    # what a killed publish left is read-only
    target.unlink(missing_ok=True)
    clone(database, target)
    target.chmod(_READ_ONLY)
    sync(target)


def offer(home: Home, name: str, copy: Path | None = None) -> None:
    """Give a generation to everybody else, under names that stay.

    The copy of the database is renamed over the old one, then the link to its Parquet and CSV
    copies: a client that has the old file open reads on in it.

    Args:
        home: CHURN_HOME.
        name: The generation.
        copy: What `copy_for_others` wrote; None to write it now.
    """
    target = home.published / DATABASE
    if copy is None:
        with replaced(target) as part:
            copy_for_others(home.published / f"{name}.duckdb", part)
    else:
        copy.replace(target)
    # what a client that wrote into the old copy left: it belongs to that file
    target.with_name(f"{DATABASE}.wal").unlink(missing_ok=True)
    link = home.published / f".{COPIES}.part"
    link.unlink(missing_ok=True)
    link.symlink_to(name)
    link.replace(home.published / COPIES)
    sync(home.published)


def is_offered(home: Home, name: str) -> bool:
    """Whether everybody else finds a generation: a killed publish may have left the one before."""
    link, database = home.published / COPIES, home.published / DATABASE
    return (
        link.is_symlink()
        and link.readlink().name == name
        and database.is_file()
        and not database.is_symlink()
    )


def protect(folder: Path) -> None:
    """Make the files of a folder read-only, so that no client changes them by mistake."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(_READ_ONLY)
