"""Set the reference's answer beside the SQL's, and tell every difference with its history."""

import math
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

from reference.exact import Inexact
from reference.worlds import World, only, without

# (customer, cut-off, …) and the named values of that row
Table = dict[tuple[Any, ...], dict[str, Any]]
Answer = Callable[[World], Table]

COLUMNS_TOLD = 4


class Difference(NamedTuple):
    """One value on which the two implementations differ."""

    key: tuple[Any, ...]
    column: str
    reference: Any
    sql: Any


def differences(
    expected: Table, found: Table, columns: Iterable[str] | None = None
) -> list[Difference]:
    """Every difference between the reference's rows and the SQL's.

    Args:
        expected: The reference's rows.
        found: The SQL's rows.
        columns: Columns to compare; without it, every column of either side.
    """
    unequal = []
    for key in sorted(expected.keys() | found.keys(), key=str):
        left, right = expected.get(key), found.get(key)
        if left is None or right is None:
            unequal.append(Difference(key, "(row is there)", left is not None, right is not None))
            continue
        unequal += [
            Difference(key, name, left.get(name, "no column"), right.get(name, "no column"))
            for name in columns or dict.fromkeys((*left, *right))
            if not same(left.get(name, "no column"), right.get(name, "no column"))
        ]
    return unequal


def same(reference: Any, sql: Any) -> bool:
    """Equal in value and type; doubles to the last bit where their integers fit a double."""
    if isinstance(reference, Inexact):
        return isinstance(sql, float) and math.isclose(reference, sql, rel_tol=1e-12)
    if type(reference) is not type(sql):
        return False
    return bool(reference == sql)


def report(world: World, unequal: list[Difference], reference: Answer, sql: Answer) -> str:
    """Customer, cut-off, column, both values and the smallest history found, for some columns."""
    by_column: dict[str, list[Difference]] = {}
    for difference in unequal:
        by_column.setdefault(difference.column, []).append(difference)
    lines = [f"{len(unequal)} values differ: " + ", ".join(by_column)]
    for column, found in list(by_column.items())[:COLUMNS_TOLD]:
        first = min(found, key=lambda difference: world.size(difference.key[0]))
        small, difference = shrink(world, first, reference, sql)
        lines += [
            f"\n{column} ({len(found)} times)",
            f"  customer {difference.key[0]}, cut-off {difference.key[1]}"
            + "".join(f", {part}" for part in difference.key[2:]),
            f"  reference {difference.reference!r}, SQL {difference.sql!r}",
            *_history(small, *difference.key[:2]),
        ]
    return "\n".join(lines)


def shrink(
    world: World, difference: Difference, reference: Answer, sql: Answer
) -> tuple[World, Difference]:
    """Leave out other customers, then row after row, as long as the same value still differs."""

    def still_differs(smaller: World) -> Difference | None:
        return next(
            (
                other
                for other in differences(reference(smaller), sql(smaller))
                if (other.key, other.column) == (difference.key, difference.column)
            ),
            None,
        )

    customer, cut_off = difference.key[:2]
    small = only(world, [customer], [cut_off])
    shrunk = still_differs(small)
    if shrunk is None:
        return only(world, [customer], world.cut_offs), difference
    for table in sorted(world.rows, reverse=True):
        for at in reversed(range(len(small.of(table, customer)))):
            smaller = without(small, table, customer, at)
            other = still_differs(smaller)
            if other is not None:
                small, shrunk = smaller, other
    return small, shrunk


def _history(world: World, customer: str, cut_off: date) -> Iterator[str]:
    yield f"  known before {world.known_before}, cut-offs {', '.join(map(str, world.cut_offs))}"
    for name in world.covers:
        cover = world.cover(name, cut_off)
        reach = f"{cover.covered_from} to before {cover.covered_before}" if cover else "nothing"
        yield f"  {name} on record: {reach}"
    for mapping in world.identities:
        if customer in (mapping.id, mapping.customer_id):
            yield f"  {_values(mapping, cut_off)}"
    for table in world.rows:
        for row in sorted(world.of(table, customer), key=str):
            yield f"    {table}: {_values(row, cut_off)}"


def _values(row: Any, cut_off: date) -> str:
    """Dates also as days from the cut-off, in which windows count."""
    return " ".join(f"{name}={_value(value, cut_off)}" for name, value in row._asdict().items())


def _value(value: Any, cut_off: date) -> str:
    if value is None:
        return "null"
    if isinstance(value, date):
        day = value.date() if isinstance(value, datetime) else value
        return f"{value}(D{(day - cut_off).days:+d})"
    return str(value)
