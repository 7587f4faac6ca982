"""Reads `models/<domain>/_<domain>__sources.yml`, the one description of the raw files."""

import fnmatch
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT

History = Literal["append_only", "snapshot", "mutable"]

MOMENTS = ("date", "timestamp")
_FOLDER_NAME = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True)
class SourceColumn:
    """One column of a raw file.

    Attributes:
        name: Its name in the header.
        data_type: Its DuckDB type in the lake, lower case.
        description: What it means.
        format: How a date or timestamp is written, in strptime's letters; None for ISO.
        not_null: Whether an empty value sends the row to quarantine.
        min: Smallest value that is kept.
        max: Largest value that is kept.
        required: Whether the header must have it; an absent optional column is null.
        values: The only values that are kept; any when empty.
        date_of: The timestamp whose day it is: made at ingest, not read from the file.
    """

    name: str
    data_type: str
    description: str
    format: str | None = None
    not_null: bool = False
    min: float | None = None
    max: float | None = None
    required: bool = True
    values: tuple[str, ...] = ()
    date_of: str | None = None

    @property
    def is_id(self) -> bool:
        """Text that must be there and is not one of a few words names somebody."""
        return self.data_type == "varchar" and self.not_null and not self.values


@dataclass(frozen=True)
class SourceTable:
    """One table of the lake and the raw files it is made of.

    Attributes:
        domain: The folder under `models/` that describes it.
        name: Its name within the domain.
        identifier: The name of its relation in schema `lake`.
        description: What a row is.
        columns: Its columns, in the order of the lake.
        files: Names or patterns of its raw files, without compression.
        required: Whether nothing can be built without it.
        history: What a later file says about an earlier one.
        event_time: The column that says when a row happened.
        event_day: The column that holds its day, which windows are cut by.
        covered_by: The column for each of whose values coverage is kept too.
        partition_by: What the lake is split by, outermost first: a value, or the month of a date.
        key: The columns that identify a row.
        deduplicate: Whether one row is kept of those of a file that are equal in every column.
    """

    domain: str
    name: str
    identifier: str
    description: str
    columns: tuple[SourceColumn, ...]
    files: tuple[str, ...]
    required: bool
    history: History
    event_time: str | None = None
    event_day: str | None = None
    covered_by: str | None = None
    partition_by: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    deduplicate: bool = False

    @property
    def id_column(self) -> str | None:
        """The column that names the customer."""
        return next((column.name for column in self.columns if column.is_id), None)

    @property
    def raw_columns(self) -> tuple[SourceColumn, ...]:
        """The columns that are read from a file."""
        return tuple(column for column in self.columns if column.date_of is None)

    def holds(self, logical_name: str) -> bool:
        """Whether a raw file of that name (without compression) belongs to this table."""
        return any(fnmatch.fnmatchcase(logical_name, pattern) for pattern in self.files)

    def column(self, name: str) -> SourceColumn:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)

    def fingerprint(self) -> str:
        """Return a short hash of all that changes what the lake holds for the same raw file."""
        columns = [_shape(column) for column in self.columns]
        # One column as itself, and what a table does not use left out: a key that is new here
        # changes no other lake.
        split = self.partition_by if self.partition_by[1:] else (*self.partition_by, None)[0]
        said = [columns, split, *(["deduplicated"] if self.deduplicate else [])]
        text = json.dumps(said, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def domains(project: Path = PROJECT) -> tuple[str, ...]:
    """Return the domains that describe raw files, in alphabetical order."""
    return tuple(
        folder.name
        for folder in sorted((project / "models").iterdir())
        if _sources_file(folder.name, project).is_file()
    )


@cache
def source_tables(domain: str, project: Path = PROJECT) -> tuple[SourceTable, ...]:
    """Return the domain's tables in the order of its YAML.

    Raises:
        ChurnError: There is no such domain, or its YAML is incomplete or contradicts itself.
    """
    path = _sources_file(domain, project)
    if not path.is_file():
        raise ChurnError(
            f"There is no domain {domain!r}.",
            where=str(path),
            hint=f"Known domains: {', '.join(domains(project)) or 'none'}.",
        )
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    # Other sources of the file (frozen labels) are written here, not ingested.
    raw = [source for source in document["sources"] if source["name"] == domain]
    if not raw:
        raise ChurnError(
            f"The source named {domain!r} is missing; it describes the raw files.", where=str(path)
        )
    return tuple(_table(domain, entry, path) for source in raw for entry in source["tables"])


def _sources_file(domain: str, project: Path) -> Path:
    return project / "models" / domain / f"_{domain}__sources.yml"


def _table(domain: str, entry: dict[str, Any], path: Path) -> SourceTable:
    meta = entry.get("config", {}).get("meta", {})
    try:
        table = SourceTable(
            domain=domain,
            name=entry["name"],
            identifier=entry.get("identifier", entry["name"]),
            description=entry.get("description", "").strip(),
            columns=tuple(_column(column) for column in entry["columns"]),
            files=tuple(meta["files"]),
            required=meta.get("required", False),
            history=meta["history"],
            event_time=meta.get("event_time"),
            event_day=meta.get("event_day"),
            covered_by=meta.get("covered_by"),
            partition_by=_names(meta.get("partition_by")),
            key=_names(meta.get("key")),
            deduplicate=meta.get("deduplicate", False),
        )
    except KeyError as missing:
        raise ChurnError(
            f"Table {entry.get('name')!r} lacks {missing}.",
            where=str(path),
            hint="A table needs name, columns (name, data_type) and meta files, history.",
        ) from missing
    for problem, hint in _problems(table):
        raise ChurnError(f"Table {table.name!r} {problem}.", where=str(path), hint=hint)
    return table


def _problems(table: SourceTable) -> Iterator[tuple[str, str | None]]:
    """What contradicts itself, and what to do; after the first, the others are not to be asked."""
    named = {table.event_time, table.event_day, table.covered_by, *table.partition_by, *table.key}
    named |= {column.date_of for column in table.columns}
    if unknown := named - {column.name for column in table.columns} - {None}:
        yield f"names columns it does not have: {sorted(map(str, unknown))}", None
    for column in table.columns:
        if column.values:
            yield from _value_problems(column)
        if column.date_of:
            yield from _day_problems(column, table.column(column.date_of))
    for name in table.partition_by:
        yield from _partition_problems(table.column(name))


def _value_problems(column: SourceColumn) -> Iterator[tuple[str, str | None]]:
    if column.data_type != "varchar":
        yield f"lists values of {column.name!r}, which is no varchar", "Give it min and max."
    if not all(isinstance(value, str) for value in column.values):
        yield f"lists values of {column.name!r} that are no text", "Put them in quotes."


def _day_problems(column: SourceColumn, moment: SourceColumn) -> Iterator[tuple[str, str | None]]:
    if (column.data_type, moment.data_type) != ("date", "timestamp"):
        yield f"makes {column.name!r} of {moment.name!r}", "A date is made of a timestamp."
    if column.not_null and not moment.not_null:
        yield f"makes {column.name!r} of {moment.name!r}, which may be null", _GIVE_NOT_NULL


def _partition_problems(column: SourceColumn) -> Iterator[tuple[str, str | None]]:
    if not column.not_null:
        yield f"is partitioned by {column.name!r}, which may be null", _GIVE_NOT_NULL
    # Listed, because a folder for every value that turns up may be a folder for every row.
    is_listed = column.values and all(map(_FOLDER_NAME.fullmatch, column.values))
    if column.data_type not in MOMENTS and not is_listed:
        yield (
            f"is partitioned by {column.name!r}, whose values are no folder names",
            "Partition by a date, a timestamp, or a varchar whose config.meta.values are letters,"
            " digits and _ . - only.",
        )


_GIVE_NOT_NULL = "Give that column config.meta.not_null: true."


def _column(entry: dict[str, Any]) -> SourceColumn:
    meta = entry.get("config", {}).get("meta", {})
    return SourceColumn(
        name=entry["name"],
        data_type=entry["data_type"].lower(),
        description=entry.get("description", "").strip(),
        format=meta.get("format"),
        not_null=meta.get("not_null", False),
        min=_number(meta.get("min")),
        max=_number(meta.get("max")),
        required=meta.get("required", True),
        values=tuple(meta.get("values", ())),
        date_of=meta.get("date_of"),
    )


def _number(bound: float | str | None) -> float | None:
    # PyYAML reads 1.0e16, without a sign in the exponent, as text.
    return None if bound is None else float(bound)


def _names(said: str | list[str] | None) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said or ())


def _shape(column: SourceColumn) -> dict[str, Any]:
    """All of a column that shapes its values in the lake."""
    words = {"description"} | {key for key in ("values", "date_of") if not getattr(column, key)}
    return {key: value for key, value in asdict(column).items() if key not in words}
