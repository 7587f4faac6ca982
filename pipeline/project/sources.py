"""Reads `models/<domain>/_<domain>__sources.yml`, the description of the raw files."""

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
# A column that ingest adds to every table of the lake: the day, UTC, on which a row was first seen.
# It is not a column of the raw file, so that it is in no key, no comparison of rows and no
# fingerprint; the macro `source_view` knows it too.
FIRST_SEEN = "first_seen_on"
# Version of the rules for ids (`pipeline.ingest.ids`). A change of what they make of an id raises
# it, so that the next ingest loads files again.
ID_RULES = 1
_FOLDER_NAME = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True)
class SourceColumn:
    """One column of a raw file.

    Attributes:
        name: Its name in the header.
        data_type: Its DuckDB type in the lake, lower case.
        description: Its meaning.
        format: Format of a date or timestamp in strptime codes; None for ISO.
        not_null: Whether an empty value sends the row to quarantine.
        min: Smallest allowed value.
        max: Largest allowed value.
        required: Whether the header must have it; a missing optional column is null.
        values: Allowed values; any if empty.
        date_of: The timestamp it is the date of; ingest derives it, the file does not have it.
        nothing: Words that stand for nothing, in any case: in an id they stand for nobody, and
            the row goes to quarantine; another text is null.
        spellings: Other words that files use for an allowed value → that value.
        nonzero: Whether 0 sends the row to quarantine.
        header: Its name in the files' header, if that is another one than in the lake.
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
    nothing: tuple[str, ...] = ()
    spellings: tuple[tuple[str, str], ...] = ()
    nonzero: bool = False
    header: str | None = None

    @property
    def in_files(self) -> str:
        """Its name in the header of a file."""
        return self.header or self.name

    @property
    def is_id(self) -> bool:
        """A required text without a list of allowed values is taken for an id."""
        return self.data_type == "varchar" and self.not_null and not self.values


@dataclass(frozen=True)
class Amounts:
    """Which column holds prices, and what they are compared by.

    Attributes:
        price: The column with the price.
        per: Column of what it is the price of, such as the product.
        currency: Optional column with the currency.
        kind: Value of `covered_by` whose rows are looked at; all if None.
        largest_step: Prices so many times the usual, or more, refuse a file.
    """

    price: str
    per: str | None = None
    currency: str | None = None
    kind: str | None = None
    largest_step: float = 20.0


@dataclass(frozen=True)
class SourceTable:
    """One table of the lake and the raw files it is made of.

    Attributes:
        domain: The folder under `models/` that describes it.
        name: Its name within the domain.
        identifier: The name of its relation in schema `lake`.
        description: The meaning of a row.
        columns: Its columns, in the order of the lake.
        files: Names or patterns of its raw files, without compression suffix.
        required: Whether a build needs it.
        history: How a later file relates to an earlier one.
        event_time: Column with the time of a row.
        event_day: Column with the day of a row, which windows are cut by.
        covered_by: Column for whose values coverage is also tracked.
        partition_by: Partition columns of the lake, outermost first: a value, or a date's month.
        key: Columns that identify a row.
        deduplicate: Whether rows of a file that are equal in every column are kept once.
        most_in_quarantine: Share of a file's rows that may go to quarantine.
        amounts: Its prices, whose size and currency are checked.
        known_from: Column with the day from which a row counts, where rows are not events: those
            of the map of ids.
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
    most_in_quarantine: float = 0.05
    amounts: Amounts | None = None
    known_from: str | None = None

    @property
    def id_column(self) -> str | None:
        """The column with the customer's id."""
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
        """Return a short hash of everything that shapes the lake's rows of a raw file."""
        columns = [_shape(column) for column in self.columns]
        # One column is hashed as itself, and unused settings are left out, so that a new setting
        # does not change the hash of other tables.
        split = self.partition_by if self.partition_by[1:] else (*self.partition_by, None)[0]
        said = [columns, split, *(["deduplicated"] if self.deduplicate else [])]
        said += [f"ids {ID_RULES}"] if self.id_column else []
        text = json.dumps(said, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def domains(project: Path = PROJECT) -> tuple[str, ...]:
    """Return the domains with a sources YAML, in alphabetical order."""
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
            hint=f"Domains: {', '.join(domains(project)) or 'none'}.",
        )
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    # Other sources of the file (frozen labels) are written here, not ingested.
    raw = [source for source in document["sources"] if source["name"] == domain]
    if not raw:
        raise ChurnError(
            f"The source {domain!r}, which describes the raw files, is missing.", where=str(path)
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
            most_in_quarantine=float(meta.get("most_in_quarantine", 0.05)),
            amounts=Amounts(**meta["amounts"]) if "amounts" in meta else None,
            known_from=meta.get("known_from"),
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
    """Yield contradictions, each with a hint; only the first one is reliable."""
    named = {table.event_time, table.event_day, table.covered_by, table.known_from}
    named |= {*table.partition_by, *table.key}
    named |= {column.date_of for column in table.columns}
    if table.amounts:
        named |= {table.amounts.price, table.amounts.per, table.amounts.currency}
    if unknown := named - {column.name for column in table.columns} - {None}:
        yield f"refers to columns it does not have: {sorted(map(str, unknown))}", None
    if not 0 <= table.most_in_quarantine <= 1:
        yield "has a most_in_quarantine that is not a share", "Give a share from 0 to 1."
    for column in table.columns:
        if column.name == FIRST_SEEN:
            yield f"has a column {FIRST_SEEN}, which ingest adds", "Give it another name."
        if column.values or column.spellings:
            yield from _value_problems(column)
        if column.nothing:
            yield from _nothing_problems(column)
        if column.date_of:
            yield from _day_problems(column, table.column(column.date_of))
    for name in table.partition_by:
        yield from _partition_problems(table.column(name))


def _value_problems(column: SourceColumn) -> Iterator[tuple[str, str | None]]:
    if column.data_type != "varchar":
        yield f"lists values of {column.name!r}, which is not a varchar", "Use min and max."
    if not all(isinstance(value, str) for value in column.values):
        yield f"lists values of {column.name!r} that are not text", "Put them in quotes."

    if unknown := sorted({str(to) for _, to in column.spellings} - set(column.values)):
        yield (
            f"spells values of {column.name!r} that are not allowed: {', '.join(unknown)}",
            "Write `other word: value`, with a value of the list.",
        )
    if not all(isinstance(word, str) for word, _ in column.spellings):
        yield f"has spellings of {column.name!r} that are not text", "Put them in quotes."


def _nothing_problems(column: SourceColumn) -> Iterator[tuple[str, str | None]]:
    if column.data_type != "varchar":
        yield f"lists words for nothing of {column.name!r}, which is not a varchar", None
    if not all(isinstance(word, str) for word in column.nothing):
        yield (
            f"lists words for nothing of {column.name!r} that are not text",
            "Put null, 0 and -1 in quotes.",
        )


def _day_problems(column: SourceColumn, moment: SourceColumn) -> Iterator[tuple[str, str | None]]:
    if (column.data_type, moment.data_type) != ("date", "timestamp"):
        yield (
            f"derives {column.name!r} from {moment.name!r}",
            "Derive a date from a timestamp.",
        )
    if column.not_null and not moment.not_null:
        yield f"derives {column.name!r} from {moment.name!r}, which may be null", _GIVE_NOT_NULL


def _partition_problems(column: SourceColumn) -> Iterator[tuple[str, str | None]]:
    if not column.not_null:
        yield f"is partitioned by {column.name!r}, which may be null", _GIVE_NOT_NULL
    # Values must be listed; otherwise there could be a folder for every row.
    is_listed = column.values and all(map(_FOLDER_NAME.fullmatch, column.values))
    if column.data_type not in MOMENTS and not is_listed:
        yield (
            f"is partitioned by {column.name!r}, whose values are not valid folder names",
            "Partition by a date, a timestamp, or a varchar whose config.meta.values have only"
            " letters, digits, and _ . -",
        )


_GIVE_NOT_NULL = "Set config.meta.not_null: true for that column."


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
        nothing=tuple(meta.get("nothing", ())),
        spellings=tuple(meta.get("spellings", {}).items()),
        nonzero=meta.get("nonzero", False),
        header=meta.get("header"),
    )


def _number(bound: float | str | None) -> float | None:
    # PyYAML reads 1.0e16, without a sign in the exponent, as text.
    return None if bound is None else float(bound)


def _names(said: str | list[str] | None) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said or ())


def _shape(column: SourceColumn) -> dict[str, Any]:
    """The settings of a column that shape its values in the lake."""
    later = ("values", "date_of", "nothing", "spellings", "nonzero", "header")
    words = {"description"} | {key for key in later if not getattr(column, key)}
    return {key: value for key, value in asdict(column).items() if key not in words}
