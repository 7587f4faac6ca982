"""Reads files of suppressions and contacts; a file with a wrong line is refused as a whole."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Generic, TypeVar

from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.retention.catalogue import actions_of
from pipeline.retention.contact_days import contact_day_problem
from pipeline.retention.listed_ids import read_ids

_SHOWN = 10
# How Python's reader says what is wrong with a line, and how we do.
_MISREAD = {
    "unexpected end of data": "a quote is opened and not closed",
    "expected after": "a quote stands within a value, or is opened and not closed",
    "field larger than field limit": "a value is too long; a quote may be opened and not closed",
}
Row = TypeVar("Row")


@dataclass(frozen=True)
class ImportedList(Generic[Row]):
    """The rows of a file.

    Attributes:
        rows: The rows, with the one spelling of their ids.
        unknown: Ids without a row in the files of the domain; None if that could not be looked up.
    """

    rows: list[Row]
    unknown: list[str] | None

    def note(self, domain: str) -> str | None:
        """Return a sentence about ids that are not known; None without one."""
        if self.unknown is None:
            return f"The files of {domain} could not be read, so unknown ids were not looked for."
        if not self.unknown:
            return None
        count = len(self.unknown)
        named = ", ".join(self.unknown[:_SHOWN])
        more = f" and {count - _SHOWN:,} more" if count > _SHOWN else ""
        ids = "1 id has" if count == 1 else f"{count:,} ids have"
        return (
            f"{ids} no row in the files of {domain}: {named}{more}. Kept, for data that come later;"
            " check their spelling."
        )


def read_suppressions(path: Path, home: Home, domain: str) -> ImportedList[tuple[str, str]]:
    """Return pairs of customer_id and reason; of a customer with two lines, the last.

    Raises:
        ChurnError: The file cannot be read, or a line lacks an id or a reason.
    """
    lines, problems = _lines(path, ("customer_id", "reason"))
    ids, unknown = _ids(lines, home, domain, problems)
    rows = {}
    for (line, row), customer in zip(lines, ids, strict=True):
        if not row["reason"].strip():
            problems.append((line, "reason is empty; write why the customer is suppressed"))
        rows[customer] = (customer, row["reason"].strip())
    _refuse(path, problems)
    return ImportedList(list(rows.values()), unknown)


def read_customers(path: Path, home: Home, domain: str) -> ImportedList[tuple[str, str]]:
    """Return the customer_ids of a file by the rules and as they are written; others are ignored.

    What is lifted may have been stored under an older spelling, so nothing is refused as no id.

    Raises:
        ChurnError: The file cannot be read, or a line lacks an id.
    """
    lines, problems = _lines(path, ("customer_id",))
    no_ids: list[Problem] = []
    ids, unknown = _ids(lines, home, domain, no_ids)
    problems += [problem for problem in no_ids if "is empty" in problem[1]]
    _refuse(path, problems)
    pairs = zip(ids, (row["customer_id"] for _, row in lines), strict=True)
    return ImportedList(list(dict.fromkeys((one or text, text) for one, text in pairs)), unknown)


def read_contacts(path: Path, home: Home, domain: str) -> ImportedList[tuple[str, date, str]]:
    """Return customer, day and action; the action may be empty.

    Raises:
        ChurnError: The file cannot be read, a line lacks an id, a day is not valid or in the
            future, or an action is not in the catalogue.
    """
    known = actions_of(domain)
    lines, problems = _lines(path, ("customer_id", "contacted_on"))
    ids, unknown = _ids(lines, home, domain, problems)
    rows = {}
    for (line, row), customer in zip(lines, ids, strict=True):
        action = row.get("action_id", "").strip()
        if action and action not in known:
            problems.append(
                (
                    line,
                    f"{domain} has no action {action!r}; leave it empty or write one of "
                    f"{', '.join(known)}",
                )
            )
        try:
            day = date.fromisoformat(row["contacted_on"].strip())
        except ValueError:
            problems.append((line, f"contacted_on is {row['contacted_on']!r}; write YYYY-MM-DD"))
            continue
        if problem := contact_day_problem(domain, day):
            problems.append((line, f"contacted_on: {problem}"))
        rows[customer, day, action] = (customer, day, action)
    _refuse(path, problems)
    return ImportedList(list(rows), unknown)


Problem = tuple[int, str]
Line = tuple[int, dict[str, str]]


def _ids(
    lines: Sequence[Line], home: Home, domain: str, problems: list[Problem]
) -> tuple[list[str], list[str] | None]:
    """Return the ids of the lines, empty where one is not an id, and those that are not known."""
    found = read_ids(home, domain, [row["customer_id"] for _, row in lines])
    for (line, row), spelling in zip(lines, found.spellings, strict=True):
        if not row["customer_id"].strip():
            problems.append((line, "customer_id is empty"))
        elif spelling.customer_id is None:
            problems.append((line, f"customer_id {row['customer_id']!r}: {spelling.reason}"))
    return [one.customer_id or "" for one in found.spellings], found.unknown


def _lines(path: Path, wanted: tuple[str, ...]) -> tuple[list[Line], list[Problem]]:
    """Return the lines of a file with their numbers, and what is wrong with their shape."""
    problems: list[Problem] = []
    lines: list[Line] = []
    header: list[str] | None = None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for line, cells in _records(path, file, problems):
                if header is None:
                    header = [cell.strip() for cell in cells]
                    _check_header(path, header, wanted)
                elif len(cells) > len(header):
                    problems.append(
                        (line, f"{len(cells)} values, the header has {len(header)}; quote commas")
                    )
                else:
                    short = [""] * (len(header) - len(cells))
                    lines.append((line, dict(zip(header, [*cells, *short], strict=True))))
    except (OSError, UnicodeDecodeError) as problem:
        raise ChurnError(
            "The file cannot be read.", where=f"{path}: {problem}", hint="Use a CSV in UTF-8."
        ) from problem
    if header is None:
        _check_header(path, [], wanted)
    return lines, problems


def _records(
    path: Path, file: Iterator[str], problems: list[Problem]
) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the number of its first line; blank lines are left out."""
    reader = csv.reader(file, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # what follows cannot be told apart
            words = next((w for said, w in _MISREAD.items() if said in str(error)), str(error))
            _refuse(path, [*problems, (line, words)])
            return
        if reader.line_num > line:
            problems.append((line, f"a quote is opened and closed on line {reader.line_num}"))
        if cells:
            yield line, cells


def _check_header(path: Path, header: list[str], wanted: tuple[str, ...]) -> None:
    missing = [name for name in wanted if name not in header]
    if missing:
        raise ChurnError(
            f"The file lacks {' and '.join(missing)}.",
            where=f"{path}, first line: {','.join(header or ['nothing'])}",
            hint=f"Use a CSV with the header {','.join(wanted)}.",
        )


def _refuse(path: Path, problems: list[Problem]) -> None:
    if problems:
        told = [f"line {line}: {words}" for line, words in sorted(set(problems))]
        more = f"\nand {len(told) - _SHOWN} more" if told[_SHOWN:] else ""
        raise ChurnError(
            f"The file has wrong lines ({len(told)}); nothing was saved.",
            where=f"{path}\n" + "\n".join(told[:_SHOWN]) + more,
            hint="Fix these lines and import the file again.",
        )
