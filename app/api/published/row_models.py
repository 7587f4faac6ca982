"""Builds the models of answer rows from the serving tables' YAML."""

from collections.abc import Collection
from datetime import date
from functools import cache
from typing import Any

import yaml
from pydantic import BaseModel, Field, create_model

from app.api.published.answers import Moment
from pipeline.project.home import PROJECT

_TYPES: dict[str, Any] = {
    "varchar": str,
    "date": date,
    "double": float,
    "bigint": int,
    "integer": int,
    "hugeint": int,
    "boolean": bool,
    "timestamp": Moment,
}


@cache
def serving_tables() -> dict[str, dict[str, Any]]:
    """Return the serving tables' entries in the YAML by name."""
    return {
        model["name"]: model
        for path in sorted((PROJECT / "models/serving").rglob("*.yml"))
        for model in yaml.safe_load(path.read_text()).get("models", ())
    }


def table_words(table: str) -> str:
    """Return the description of a table's row."""
    words: str = serving_tables()[table]["description"]
    return words


def row_model(
    name: str,
    table: str,
    *,
    only: Collection[str] | None = None,
    leave_out: Collection[str] = (),
    base: type[BaseModel] | None = None,
    **more: Any,
) -> type[BaseModel]:
    """Create the model of a serving table's row.

    Args:
        name: Name of the schema in the OpenAPI document.
        table: Serving table.
        only: Columns to include; all by default.
        leave_out: Columns to leave out.
        base: Model to extend.
        more: Additional fields for `pydantic.create_model`.
    """
    fields: dict[str, Any] = {}
    for column in serving_tables()[table]["columns"]:
        if column["name"] in leave_out or (only is not None and column["name"] not in only):
            continue
        kind = _TYPES[column["data_type"]]
        if "not_null" not in column.get("data_tests", ()):
            kind = kind | None
        fields[column["name"]] = (kind, Field(description=column["description"]))
    model: type[BaseModel] = create_model(
        name, __base__=base, __doc__=table_words(table), **fields, **more
    )
    return model


def list_model(name: str, answer: type[BaseModel], item: type[BaseModel]) -> type[BaseModel]:
    """Create the model of a list: the common fields, `items` and `next_cursor`."""
    model: type[BaseModel] = create_model(
        name,
        __base__=answer,
        items=(list[item], Field(description="Rows of this page.")),  # type: ignore[valid-type]
        next_cursor=(
            str | None,
            Field(description="Cursor of the next page; null on the last one."),
        ),
    )
    return model
