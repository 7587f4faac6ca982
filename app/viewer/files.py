"""Files that people download: exact keys for machines, or escaped for Excel.

A file is made when it is asked for, so a do-not-contact mark of a second ago counts.
"""

import csv
import io
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import streamlit as st

from app.spreadsheets import escaped
from app.viewer import words
from app.viewer.context import Context

EXACT, EXCEL = "Exact keys (for CRM)", "For Excel"
# Digits of amounts and of shares: more would pretend to be known.
_AMOUNTS = ("value", "cost", "profit", "spend")
_SHARES = ("probability", "averted")
_PLACEHOLDER = re.compile(r"\{(\w*)\}")


def downloads(
    page: Context,
    label: str,
    name: str,
    make: Callable[[str], pd.DataFrame],
    *,
    key: str,
    disabled: bool = False,
) -> None:
    """Show the two buttons of a list, for machines and for Excel.

    Args:
        page: What the page shows.
        label: What the list holds, such as `12 customers to contact`.
        name: The list in the file's name.
        make: Returns the rows for a kind of file, `EXACT` or `EXCEL`.
        key: Prefix of the buttons' keys.
        disabled: Whether there is nothing to download.
    """
    with st.container(horizontal=True):
        for kind, write in ((EXACT, exact), (EXCEL, for_excel)):

            def made(kind: str = kind, write: Callable[[pd.DataFrame], bytes] = write) -> bytes:
                return write(make(kind))

            st.download_button(
                f"{kind}: {label}",
                made,
                file_name=file_name(page, name, kind),
                mime="text/csv",
                on_click="ignore",
                disabled=disabled,
                key=f"{key}_{'exact' if kind == EXACT else 'excel'}",
                icon=":material/download:",
            )


def file_name(page: Context, name: str, kind: str) -> str:
    """Return the name of a file: business, list, day of the data, day it was made, kind."""
    known = page.domain["as_of_date"].date()
    made = datetime.now(UTC).date()
    parts = (
        page.name,
        name,
        f"data_{known}",
        f"made_{made}",
        "exact" if kind == EXACT else "excel",
    )
    return "_".join(re.sub(r"\W+", "_", part) if part == name else part for part in parts) + ".csv"


def exact(table: pd.DataFrame) -> bytes:
    """Return a table as CSV in UTF-8 whose texts are exactly those of the tables."""
    return _csv(table, lambda value: value).encode()


def for_excel(table: pd.DataFrame) -> bytes:
    """Return a table as CSV in which a spreadsheet finds no formulas.

    A text that begins like a formula gets an apostrophe in front; some customer ids do.
    """
    return _csv(table, escaped).encode("utf-8-sig")


def filled(hint: Any, row: Mapping[str, Any]) -> str:
    """Return a suggested message with its placeholders filled from a customer's row.

    A message that needs something that is not known is left out: a raw placeholder, or a gap in the
    sentence, must not reach a customer.
    """
    text = "" if _is_missing(hint) else str(hint)
    for name in _PLACEHOLDER.findall(text):
        value = row.get(name)
        if _is_missing(value):
            return ""
        said = words.day(value) if isinstance(value, date | pd.Timestamp) else str(value)
        text = text.replace(f"{{{name}}}", said)
    return text


def with_hints(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with their suggested messages filled."""
    if (
        "message_hint" not in table
        or not table["message_hint"].str.contains("{", regex=False).any()
    ):
        return table
    records = table.to_dict("records")
    return table.assign(message_hint=[filled(row["message_hint"], row) for row in records])


def _csv(table: pd.DataFrame, spelled: Callable[[Any], Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(table.columns)
    digits = [_digits(str(name)) for name in table.columns]
    for row in table.itertuples(index=False):
        writer.writerow(
            [spelled(_cell(value, places)) for value, places in zip(row, digits, strict=True)]
        )
    return text.getvalue()


def _digits(column: str) -> int | None:
    if any(word in column for word in _SHARES):
        return 4
    return 2 if any(word in column for word in _AMOUNTS) else None


def _cell(value: Any, digits: int | None) -> Any:
    if _is_missing(value):
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if _is_day(value) else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and digits is not None:
        return round(value, digits)
    return value


def _is_day(value: datetime) -> bool:
    return (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or value != value
