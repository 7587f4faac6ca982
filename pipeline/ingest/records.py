"""Finds the records of a CSV without DuckDB, to check its count and to repair what it cannot read.

DuckDB 1.5 stops at a quote out of place (`"O"Neill`) when it ignores errors, and refuses a file
whose lines end in different ways. Here a record with a quote out of place is set aside with its
line, and reading goes on at the next line. The rules are DuckDB's: a quote opens a value only at
its beginning, `""` inside is a quote, spaces around the quotes do not matter, and a quote inside a
value without quotes is text.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numba import njit

Bytes = npt.NDArray[np.uint8]

# DuckDB's limit; also how far a quote that is not closed is followed.
_LONGEST = 2_000_000
_OUT = 1 << 24
_NOTICED = 1 << 16
_SHOWN = 2_000

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# What can be noticed of a record; a row of two or three numbers each, beginning with one of these.
_BLANK, _UNFIT, _SPREAD = 1, 2, 3


@dataclass
class Survey:
    """The records of a CSV, the header not counted.

    Attributes:
        records: Rows, unfit ones included.
        blank: Lines that are empty.
        unfit: Line, text and reason of each record that cannot be separated into values.
        continued: Lines on which a value goes on from the line before.
        spread: Rows with a value that holds line ends.
        widest: Line and number of lines of the row with most of them.
    """

    records: int = 0
    blank: list[int] = field(default_factory=list)
    unfit: list[tuple[int, str, str]] = field(default_factory=list)
    continued: list[int] = field(default_factory=list)
    spread: int = 0
    widest: tuple[int, int] = (0, 0)


def survey(path: Path, *, is_one_column: bool, repaired: Path | None = None) -> Survey:
    """Find the records of a CSV in UTF-8.

    Args:
        path: The file; not empty.
        is_one_column: Whether it has one column: an empty line is then a row.
        repaired: Where to write the records that are fit, with a line feed after each; nowhere by
            default.
    """
    found = Survey()
    data: Bytes = np.asarray(np.memmap(path, np.uint8, "r"))
    with nullcontext() if repaired is None else repaired.open("wb") as file:
        out = np.empty(0 if file is None else _OUT, np.uint8)
        for noticed, written in _scanned(found, data, is_one_column, out):
            if file is not None:
                file.write(out[:written].tobytes())
            _note(found, noticed, data)
    found.records -= 1
    return found


def _scanned(
    found: Survey, data: Bytes, is_one_column: bool, out: Bytes
) -> Iterator[tuple[list[list[int]], int]]:
    """Yield what was noticed since the last time, and the number of bytes written to `out`."""
    noticed = np.empty((_NOTICED, 4), np.int64)
    has_mark = data[:3].tobytes() == _BYTE_ORDER_MARK
    at, line = len(_BYTE_ORDER_MARK) if has_mark else 0, 1
    while at < len(data):
        at, line, rows, count, written = _scan(data, at, line, is_one_column, out, noticed)
        found.records += rows
        yield noticed[:count].tolist(), written


def _note(found: Survey, noticed: list[list[int]], data: Bytes) -> None:
    for kind, line, *place in noticed:
        if kind == _BLANK:
            found.blank.append(line)
        elif kind == _UNFIT:
            start, stop = place
            text = data[start : min(stop, start + _SHOWN)].tobytes().decode(errors="replace")
            is_long = stop - start >= _LONGEST
            reason = "line too long" if is_long else "a quote out of place"
            found.unfit.append((line, text, reason))
        else:
            lines = place[0]
            found.spread += 1
            found.continued.extend(range(line + 1, line + lines))
            found.widest = max(found.widest, (line, lines), key=lambda row: row[1])


@njit(nogil=True, cache=True)
def _record(data, start):  # type: ignore[no-untyped-def]  # numba infers them  # pragma: no cover
    """Return a record's end, the start of the next, its line ends inside, and whether it is whole.

    A record with a quote out of place ends where its first line does.
    """
    size, limit = len(data), min(len(data), start + _LONGEST)
    at, inner = start, 0
    first_end, first_next = -1, -1  # of the record's first line, once a quote has passed it
    is_field_start, is_quoted, is_closed = True, False, False
    while at < limit:
        one = data[at]
        is_end = one == 10 or one == 13
        after = at + 1
        if one == 13 and after < size and data[after] == 10:
            after += 1
        if is_quoted:
            if one == 34:
                if at + 1 < size and data[at + 1] == 34:
                    at += 1
                else:
                    is_quoted, is_closed = False, True
            elif is_end:
                inner += 1
                if first_end < 0:
                    first_end, first_next = at, after
                at = after
                continue
        elif is_end:
            return at, after, inner, True
        elif one == 44:
            is_field_start, is_closed = True, False
        elif is_closed:
            if one == 34:
                is_quoted, is_closed = True, False
            elif one != 32:
                break
        elif is_field_start:
            if one == 34:
                is_quoted, is_field_start = True, False
            elif one != 32:
                is_field_start = False
        at += 1
    if at >= size and not is_quoted:
        return size, size, inner, True
    if first_end < 0:
        while at < size and data[at] != 10 and data[at] != 13:
            at += 1
        first_end, first_next = at, min(at + 1, size)
        if at + 1 < size and data[at] == 13 and data[at + 1] == 10:
            first_next += 1
    return first_end, first_next, 0, False


@njit(nogil=True, cache=True)
def _scan(  # type: ignore[no-untyped-def]  # numba infers them  # pragma: no cover
    data, at, line, is_one_column, out, noticed
):
    """Go through records until the data, the room to notice something or the room to write ends."""
    rows, count, written = 0, 0, 0
    while at < len(data) and count < len(noticed):
        end, after, inner, is_fit = _record(data, at)
        length = end - at
        is_blank = length == 0 and not is_one_column
        if is_fit and not is_blank and len(out) > 0:
            if written + length + 1 > len(out):
                break
            out[written : written + length] = data[at:end]
            out[written + length] = 10
            written += length + 1
        if is_blank or not is_fit or inner > 0:
            noticed[count, 0] = _BLANK if is_blank else _SPREAD if is_fit else _UNFIT
            noticed[count, 1] = line
            noticed[count, 2] = at if not is_fit else inner + 1
            noticed[count, 3] = end
            count += 1
        rows += not is_blank
        line += 1 + inner
        at = after
    return at, line, rows, count, written
