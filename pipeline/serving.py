"""What `models/serving/*.yml` says of the tables outsiders read: grain, keys, meanings, units."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.settings import PROJECT


@dataclass(frozen=True)
class ServingColumn:
    """One column of a serving table.

    Attributes:
        name: Its name.
        data_type: Its DuckDB type, lower case.
        description: What it means.
        unit: Unit of a number.
    """

    name: str
    data_type: str
    description: str
    unit: str | None = None


@dataclass(frozen=True)
class ServingTable:
    """One table that outsiders read.

    Attributes:
        name: Its name.
        description: What a row is.
        key: The columns that identify a row.
        columns: Its columns, in order.
        meta: Whatever else the YAML says of it.
    """

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[ServingColumn, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)


def serving_tables(project: Path = PROJECT) -> dict[str, ServingTable]:
    """Return the serving tables by name, in the order of the YAML."""
    tables = {}
    for path in sorted((project / "models" / "serving").glob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            tables[model["name"]] = ServingTable(
                model["name"],
                _text(model),
                tuple(_key(model)),
                tuple(
                    ServingColumn(
                        column["name"],
                        str(column.get("data_type", "")).lower(),
                        _text(column),
                        _meta(column).get("unit"),
                    )
                    for column in model.get("columns", [])
                ),
                _meta(model),
            )
    return tables


def _text(entry: Mapping[str, Any]) -> str:
    return " ".join(str(entry.get("description", "")).split())


def _meta(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    meta: Mapping[str, Any] = entry.get("config", {}).get("meta", {}) | entry.get("meta", {})
    return meta


def _key(model: Mapping[str, Any]) -> Iterator[str]:
    """The columns of the table's test of uniqueness."""
    for test in model.get("data_tests", []):
        if isinstance(test, dict) and "is_unique_by" in test:
            yield from test["is_unique_by"]["arguments"]["columns"]
