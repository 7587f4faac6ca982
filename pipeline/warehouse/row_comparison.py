"""Compares the rows of two relations that should be the same, doubles within rounding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from pipeline.project.duck import name_sql

# Doubles may differ by this share of the larger one: engines add and divide in other orders.
TOLERANCE = 1e-12


@dataclass(frozen=True)
class RowComparison:
    """A model whose rows were made twice.

    Attributes:
        model: Its name.
        rows: Rows of the first.
        differing: Rows that only one side has, or whose values differ: integers, dates, texts and
            booleans at all, doubles by more than 1e-12 of the larger one.
        columns: The first columns that differ.
        doubles: Doubles compared.
        doubles_to_the_bit: Of these, equal to the last bit.
    """

    model: str
    rows: int
    differing: int
    columns: tuple[str, ...] = ()
    doubles: int = 0
    doubles_to_the_bit: int = 0


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Return the columns of a relation with their types."""
    described = connection.execute(f"describe from {relation}").fetchall()
    return {name: kind for name, kind, *_ in described}


def compare_rows(
    connection: duckdb.DuckDBPyConnection,
    model: str,
    ours: str,
    theirs: str,
    columns: Mapping[str, str],
    key: Sequence[str],
) -> RowComparison:
    """Compare two relations of the same columns.

    Args:
        connection: DuckDB, in which both can be read.
        model: What they are called.
        ours: One, for a `from`.
        theirs: The other.
        columns: Column → type.
        key: Columns that name a row; without them rows are compared as wholes.
    """
    count = _number(connection, f"select count(*) from {ours}")
    if not key or not set(key) <= set(columns):
        apart = _number(
            connection,
            f"select greatest((select count(*) from (from {ours} except all from {theirs})), "
            f"(select count(*) from (from {theirs} except all from {ours})))",
        )
        return RowComparison(model, count, apart, ("the row as a whole",) if apart else ())
    doubles = [name for name, kind in columns.items() if kind == "DOUBLE" and name not in key]
    unequal = {name: _unequal(name, kind) for name, kind in columns.items() if name not in key}
    on = " and ".join(f"ours.{name_sql(k)} is not distinct from theirs.{name_sql(k)}" for k in key)
    sums = [
        f"count(*) filter (where is_ours and is_theirs and {words})" for words in unequal.values()
    ]
    bits = [
        f"count(*) filter (where is_ours and is_theirs and ours.{name_sql(name)} "
        f"is not distinct from theirs.{name_sql(name)})"
        for name in doubles
    ]
    any_unequal = " or ".join(unequal.values()) or "false"
    found = connection.execute(
        f"""
        select
            count(*) filter (where is_ours and is_theirs),
            count(*) filter (where is_ours and not coalesce(is_theirs, false)),
            count(*) filter (where is_theirs and not coalesce(is_ours, false)),
            count(*) filter (where is_ours and is_theirs and ({any_unequal}))
            {"".join(f", {one}" for one in (*sums, *bits))}
        from (select true as is_ours, * from {ours}) as ours
        full join (select true as is_theirs, * from {theirs}) as theirs on {on}
        """
    ).fetchall()[0]
    both, only_ours, only_theirs, differ, *rest = found
    differing = [name for name, times in zip(unequal, rest, strict=False) if times]
    if only_ours or only_theirs:
        differing = [*key, *differing]
    return RowComparison(
        model,
        count,
        max(only_ours, only_theirs) + differ,
        tuple(differing[:5]),
        both * len(doubles),
        sum(rest[len(unequal) :]),
    )


def _unequal(name: str, kind: str) -> str:
    ours, theirs = f"ours.{name_sql(name)}", f"theirs.{name_sql(name)}"
    apart = f"({ours} is distinct from {theirs})"
    if kind != "DOUBLE":
        return apart
    # not a number is the greatest of all to DuckDB, and near to nothing
    near = (
        f"isfinite({ours}) and isfinite({theirs}) "
        f"and abs({ours} - {theirs}) <= {TOLERANCE} * greatest(abs({ours}), abs({theirs}))"
    )
    return f"({apart} and not coalesce({near}, false))"


def _number(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    found = connection.execute(sql).fetchone()
    return int(found[0]) if found else 0
