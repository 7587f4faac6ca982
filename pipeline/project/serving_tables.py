"""Reads the published tables from the YAML of the serving models."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.project.home import PROJECT

# Folders of models/serving in the order in which a reader wants their tables.
_FOLDERS = {"customers": 1, "plan": 2, "quality": 3, "crm": 4}


@dataclass(frozen=True)
class Column:
    """One column of a published table.

    Attributes:
        name: Its name.
        data_type: DuckDB's name of its type.
        unit: Unit of a number; None for other columns.
        description: Its meaning.
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
        description: Description, starting with the grain.
        question: The question it answers.
        key: Columns that identify a row.
        columns: Columns, in order.
    """

    name: str
    description: str
    question: str | None
    key: tuple[str, ...]
    columns: tuple[Column, ...]


def published_tables(project: Path = PROJECT) -> list[Table]:
    """Return the published tables from the YAML, those shared by all domains first."""
    return [*shared_tables(project), *_tables(sorted((project / "models").glob("*/marts/*.yml")))]


def shared_tables(project: Path = PROJECT) -> list[Table]:
    """Return the published tables that every generation has, whatever its domains."""
    return _tables(
        sorted(
            (project / "models" / "serving").rglob("*.yml"),
            key=lambda path: (_FOLDERS.get(path.parent.name, 0), path),
        )
    )


def _tables(descriptions: Iterable[Path]) -> list[Table]:
    return [
        _table(model)
        for path in descriptions
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", ())
        if model["name"].startswith(("bi_", "crm_"))
    ]


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
