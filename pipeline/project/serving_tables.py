"""The published tables as the YAML of the serving models describes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.project.home import PROJECT


@dataclass(frozen=True)
class Column:
    """One column of a published table.

    Attributes:
        name: Its name.
        data_type: DuckDB's name of its type.
        unit: Unit of a number, None for what is no number.
        description: What it means.
    """

    name: str
    data_type: str
    unit: str | None
    description: str


@dataclass(frozen=True)
class Table:
    """One published table.

    Attributes:
        name: Its name in the schema `serving`.
        description: Opens with the grain.
        question: What it is asked.
        key: Columns that name a row.
        columns: All of them, in order.
    """

    name: str
    description: str
    question: str | None
    key: tuple[str, ...]
    columns: tuple[Column, ...]


def published_tables(project: Path = PROJECT) -> list[Table]:
    """Return the published tables as the YAML describes them, those of every domain first."""
    return [
        _table(model)
        for path in _descriptions(project)
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", ())
        if model["name"].startswith(("bi_", "crm_"))
    ]


def _descriptions(project: Path) -> Iterator[Path]:
    """The shared tables, then what each domain publishes of its own."""
    yield from sorted((project / "models" / "serving").glob("*.yml"))
    yield from sorted((project / "models").glob("*/marts/*.yml"))


def _table(model: dict[str, Any]) -> Table:
    keys = [
        test["is_unique_by"]["arguments"]["columns"]
        for test in model.get("data_tests", ())
        if isinstance(test, dict) and "is_unique_by" in test
    ]
    return Table(
        name=model["name"],
        description=" ".join(model["description"].split()),
        question=_meta(model).get("question"),
        key=tuple(keys[0]) if keys else (),
        columns=tuple(
            Column(
                column["name"],
                column.get("data_type", ""),
                _meta(column).get("unit"),
                " ".join(column.get("description", "").split()),
            )
            for column in model["columns"]
        ),
    )


def _meta(node: dict[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = node.get("config", {}).get("meta") or {}
    return meta
