"""Texts as SQL has them."""

from pathlib import Path


def quoted(text: str | Path) -> str:
    """Return a text or a path as a literal of SQL, quotes and all."""
    return "'" + str(text).replace("'", "''") + "'"
