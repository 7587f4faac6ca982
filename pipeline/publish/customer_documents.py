"""Writes one document per customer beside a generation, so that the API answers without a scan.

DuckDB reads blocks of thousands of rows even for a few: one customer's rows in four tables of a
million customers take tens of milliseconds. A B-tree takes microseconds, from any driver, without
holding customers in memory.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipeline.project.look_ups import checksum

KEY = ("domain", "customer_id")
_BATCH = 50_000
_PAGE_BYTES = 8_192


@dataclass(frozen=True)
class Part:
    """One member of a document.

    Attributes:
        name: Its name.
        table: Its serving table.
        order: Order of its rows; without one, the table has one row per customer.
    """

    name: str
    table: str
    order: str | None = None


# `history` drives the join: it has every customer ever scored. Columns already in `risk` are
# dropped from `action`.
PARTS = (
    Part("history", "bi_churn_history", "as_of_date desc, scored_at desc, run_id"),
    Part("risk", "bi_churn_risk"),
    Part("action", "bi_churn_actions"),
    Part("reasons", "bi_churn_reasons", "rank"),
)


def can_look_up(tables: Sequence[str]) -> bool:
    """Return whether the serving tables of the documents exist."""
    return all(part.table in tables for part in PARTS)


def write_look_up(connection: duckdb.DuckDBPyConnection, schema: str, path: Path) -> int:
    """Write the documents of a generation's customers as SQLite; return their number.

    Args:
        connection: DuckDB with the serving tables.
        schema: Their schema, such as `generation.serving`.
        path: File to write; must not exist.
    """
    columns = {part.name: _columns(connection, schema, part) for part in PARTS}
    in_risk = set(columns["risk"])
    columns["action"] = {
        name: kind for name, kind in columns["action"].items() if name not in in_risk
    }
    with sqlite3.connect(path, isolation_level=None) as target:
        target.execute(f"pragma page_size = {_PAGE_BYTES}")
        # a half-written file is thrown away, so no rollback is needed
        target.execute("pragma journal_mode = off")
        target.execute("pragma synchronous = off")
        target.execute(
            "create table shapes (part text primary key, columns text not null, "
            "checksum integer not null)"
        )
        target.execute(
            "create table customers (domain text not null, customer_id text not null, "
            "document text not null, checksum integer not null)"
        )
        target.execute("begin")
        target.executemany(
            "insert into shapes values (?, ?, ?)",
            [
                (part, told, checksum(part, told))
                for part, names in columns.items()
                for told in [json.dumps(list(names))]
            ],
        )
        rows = 0
        for batch in _documents(connection, schema, columns):
            target.executemany(
                "insert into customers values (?, ?, ?, ?)",
                [(*row, checksum(*row)) for row in batch],
            )
            rows += len(batch)
        target.execute("create unique index by_customer on customers (domain, customer_id)")
        target.execute("commit")
    target.close()
    return rows


def _columns(connection: duckdb.DuckDBPyConnection, schema: str, part: Part) -> dict[str, str]:
    rows = connection.execute(f"describe {schema}.{part.table}").fetchall()
    return {row[0]: row[1] for row in rows if row[0] not in KEY}


def _documents(
    connection: duckdb.DuckDBPyConnection, schema: str, columns: dict[str, dict[str, str]]
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield documents in the order of their keys, a batch of customers at a time."""
    for (domain,) in connection.execute(
        f"select distinct domain from {schema}.{PARTS[0].table} order by domain"
    ).fetchall():
        bounds = [
            row[0]
            for row in connection.execute(
                f"""
                select customer_id from (
                    select customer_id, row_number() over (order by customer_id) as place
                    from (
                        select distinct customer_id from {schema}.{PARTS[0].table}
                        where domain = ?
                    )
                ) where place % {_BATCH} = 1 order by customer_id
                """,
                [domain],
            ).fetchall()
        ]
        for first, after in zip(bounds, [*bounds[1:], None], strict=True):
            bound = [domain, first, *([after] if after is not None else [])]
            found = connection.execute(
                _sql(schema, columns, after is not None), bound * len(PARTS)
            ).fetchall()
            yield [(domain, *row) for row in found]


def _sql(schema: str, columns: dict[str, dict[str, str]], has_end: bool) -> str:
    """SQL for one range of customers: each part is an array of its columns' values."""
    where = "domain = ? and customer_id >= ?" + (" and customer_id < ?" if has_end else "")
    parts = []
    for part in PARTS:
        values = ", ".join(_value(name, kind) for name, kind in columns[part.name].items())
        document = f"json_array({values})"
        if part.order:
            # joining text costs half of what a list of JSON costs
            rows = f"string_agg(cast({document} as varchar), ',' order by {part.order})"
            document = f"cast('[' || {rows} || ']' as json)"
        group = " group by customer_id" if part.order else ""
        parts.append(
            f"{part.name}_part as (select customer_id, {document} as document "
            f"from {schema}.{part.table} where {where}{group})"
        )
    first = PARTS[0].name
    members = ", ".join(f"'{part.name}', {part.name}_part.document" for part in PARTS)
    joins = " ".join(f"left join {part.name}_part using (customer_id)" for part in PARTS[1:])
    return (
        f"with {', '.join(parts)} select customer_id, "
        f"cast(json_object({members}) as varchar) from {first}_part {joins} order by customer_id"
    )


def _value(name: str, kind: str) -> str:
    return f"strftime(\"{name}\", '%Y-%m-%dT%H:%M:%S.%fZ')" if kind == "TIMESTAMP" else f'"{name}"'
