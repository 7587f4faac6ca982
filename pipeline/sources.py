"""Reads `models/<domain>/_<domain>__sources.yml`, the one description of the raw files."""

import fnmatch
import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from pipeline.errors import ChurnError
from pipeline.settings import PROJECT

History = Literal["append_only", "snapshot", "mutable"]


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
    """

    name: str
    data_type: str
    description: str
    format: str | None = None
    not_null: bool = False
    min: float | None = None
    max: float | None = None
    required: bool = True


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
        partition_by: The date or timestamp by whose month the lake is split.
        key: The columns that identify a row.
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
    partition_by: str | None = None
    key: tuple[str, ...] = ()

    def holds(self, logical_name: str) -> bool:
        """Whether a raw file of that name (without compression) belongs to this table."""
        return any(fnmatch.fnmatchcase(logical_name, pattern) for pattern in self.files)

    def column(self, name: str) -> SourceColumn:
        """Return the column of that name."""
        return next(column for column in self.columns if column.name == name)

    def fingerprint(self) -> str:
        """Return a short hash of all that changes what the lake holds for the same raw file."""
        columns = [
            {key: value for key, value in asdict(column).items() if key != "description"}
            for column in self.columns
        ]
        text = json.dumps([columns, self.partition_by], sort_keys=True)
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
    # Other sources of the file (labels, control relations) are written here, not ingested.
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
            partition_by=meta.get("partition_by"),
            key=tuple(meta.get("key", ())),
        )
    except KeyError as missing:
        raise ChurnError(
            f"Table {entry.get('name')!r} lacks {missing}.",
            where=str(path),
            hint="A table needs name, columns (name, data_type) and meta files, history.",
        ) from missing
    names = {column.name for column in table.columns}
    unknown = {table.event_time, table.partition_by, *table.key} - names - {None}
    if unknown:
        raise ChurnError(
            f"Table {table.name!r} names columns it does not have: {sorted(map(str, unknown))}.",
            where=str(path),
        )
    if table.partition_by and not table.column(table.partition_by).not_null:
        raise ChurnError(
            f"Table {table.name!r} is partitioned by {table.partition_by!r}, which may be null.",
            where=str(path),
            hint="Give that column config.meta.not_null: true.",
        )
    return table


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
    )


def _number(bound: float | str | None) -> float | None:
    # PyYAML reads 1.0e16, without a sign in the exponent, as text.
    return None if bound is None else float(bound)
