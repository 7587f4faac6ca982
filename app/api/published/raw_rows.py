"""Describes raw rows in the OpenAPI document, from the YAML of the raw files."""

from datetime import date
from typing import Any

from pipeline.project.domains import domain_entries
from pipeline.project.sources import SourceColumn, SourceTable, domains, source_tables

_DAY = date(2017, 3, 31)
_NUMBERS = ("double", "float", "real")
_WHOLE = ("tinyint", "smallint", "integer", "bigint")


def raw_tables(domain: str) -> tuple[SourceTable, ...]:
    """Return a domain's raw tables that describe customers, without outcomes and ids' owners."""
    return tuple(
        table
        for table in source_tables(domain)
        if table.history != "mutable" and table.known_from is None
    )


def customer_schema() -> dict[str, Any]:
    """Return the JSON schema of a customer's tables, one alternative per domain."""
    return {
        "anyOf": [
            {
                "title": f"Rows of {domain}",
                "type": "object",
                "required": [table.name for table in raw_tables(domain) if table.required],
                "properties": {table.name: _table(table) for table in raw_tables(domain)},
            }
            for domain in _known()
        ]
    }


def body_examples() -> dict[str, Any]:
    """Return an example body for each domain."""
    return {
        domain: {
            "summary": domain_entries()[domain].title,
            "value": {
                "customers": [
                    {
                        "customer_id": "a/customer+1",
                        **{
                            table.name: [
                                {
                                    column.name: _example(column)
                                    for column in table.raw_columns
                                    if column.name != table.id_column
                                }
                            ]
                            for table in raw_tables(domain)
                        },
                    }
                ]
            },
        }
        for domain in _known()
    }


def _known() -> list[str]:
    return [domain for domain in domains() if domain in domain_entries()]


def _table(table: SourceTable) -> dict[str, Any]:
    required = [c.name for c in table.raw_columns if c.required and c.name != table.id_column]
    rows: dict[str, Any] = {
        "type": "object",
        "required": required,
        "properties": {column.name: _column(column, table) for column in table.raw_columns},
    }
    note = "" if table.required else " Omitted means not observed; an empty list means no rows."
    return {
        "type": "array" if table.required else ["array", "null"],
        "description": f"{table.description}{note}",
        "items": rows,
    }


def _column(column: SourceColumn, table: SourceTable) -> dict[str, Any]:
    kinds = ["string"]
    if column.data_type in _NUMBERS:
        kinds.append("number")
    elif column.data_type in _WHOLE or column.format == "%Y%m%d":
        kinds.append("integer")
    words = column.description
    if column.format:
        other = _DAY if column.data_type == "date" else "ISO 8601"
        words += f" As {_DAY.strftime(column.format)} or {other}."
    if column.name == table.id_column:
        words += " Optional; must equal customer_id."
    schema: dict[str, Any] = {"description": words}
    if column.values:
        schema["enum"] = list(column.values)
    else:
        schema["type"] = kinds if column.not_null else [*kinds, "null"]
    if column.min is not None:
        schema["minimum"] = column.min
    if column.max is not None:
        schema["maximum"] = column.max
    return schema


def _example(column: SourceColumn) -> Any:
    if column.values:
        return column.values[-1]
    if column.data_type == "date":
        return "2017-03-01"
    if column.data_type == "timestamp":
        return "2020-03-01 12:00:00 UTC"
    if column.data_type in _NUMBERS:
        return 100.0
    return 1 if column.data_type in _WHOLE else "1"
