"""What spreadsheets would run: text that starts like a formula."""

from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def is_formula(value: Any) -> bool:
    """Whether a spreadsheet would run a value."""
    return isinstance(value, str) and value.startswith(_FORMULA)


def escaped(value: Any) -> Any:
    """Return a value with an apostrophe before it if a spreadsheet would run it."""
    return f"'{value}" if is_formula(value) else value
