"""Reads files of suppressions and contacts; a file with a wrong line is refused as a whole."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from pipeline.project.errors import ChurnError
from pipeline.retention.catalogue import actions_of

_SHOWN = 10


def read_suppressions(path: Path) -> list[tuple[str, str]]:
    """Return pairs of customer_id and reason.

    Raises:
        ChurnError: The file cannot be read, or a line lacks an id or a reason.
    """
    rows, problems = [], []
    for line, row in _lines(path, ("customer_id", "reason")):
        if not row["customer_id"]:
            problems.append(f"line {line}: customer_id is empty")
        elif not row["reason"].strip():
            problems.append(f"line {line}: reason is empty; write why the customer is suppressed")
        rows.append((row["customer_id"], row["reason"].strip()))
    _refuse(path, problems)
    return rows


def read_customers(path: Path) -> list[str]:
    """Return the customer_ids of a file; other columns are ignored.

    Raises:
        ChurnError: The file cannot be read.
    """
    return [row["customer_id"] for _, row in _lines(path, ("customer_id",))]


def read_contacts(path: Path, domain: str) -> list[tuple[str, date, str]]:
    """Return customer, day and action; the action may be empty.

    Raises:
        ChurnError: The file cannot be read, a day is not valid, or an action is not in the
            catalogue.
    """
    known = actions_of(domain)
    rows, problems = [], []
    for line, row in _lines(path, ("customer_id", "contacted_on")):
        action = row.get("action_id") or ""
        try:
            day = date.fromisoformat(row["contacted_on"])
        except ValueError:
            problems.append(
                f"line {line}: contacted_on is {row['contacted_on']!r}; write YYYY-MM-DD"
            )
            continue
        if not row["customer_id"]:
            problems.append(f"line {line}: customer_id is empty")
        elif action and action not in known:
            problems.append(
                f"line {line}: {domain} has no action {action!r}; leave it empty or write one of "
                f"{', '.join(known)}"
            )
        rows.append((row["customer_id"], day, action))
    _refuse(path, problems)
    return rows


def _lines(path: Path, wanted: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in wanted if name not in (reader.fieldnames or ())]
            if missing:
                raise ChurnError(
                    f"The file lacks {' and '.join(missing)}.",
                    where=f"{path}, first line: {','.join(reader.fieldnames or ['nothing'])}",
                    hint=f"Use a CSV with the header {','.join(wanted)}.",
                )
            for row in reader:
                yield (
                    reader.line_num,
                    {name: row.get(name) or "" for name in reader.fieldnames or ()},
                )
    except (OSError, UnicodeDecodeError) as problem:
        raise ChurnError(
            "The file cannot be read.", where=f"{path}: {problem}", hint="Use a CSV in UTF-8."
        ) from problem


def _refuse(path: Path, problems: list[str]) -> None:
    if problems:
        more = f"\nand {len(problems) - _SHOWN} more" if problems[_SHOWN:] else ""
        raise ChurnError(
            f"The file has wrong lines ({len(problems)}); nothing was saved.",
            where=f"{path}\n" + "\n".join(problems[:_SHOWN]) + more,
            hint="Fix these lines and import the file again.",
        )
