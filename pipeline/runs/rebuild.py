"""A damaged warehouse is thrown away and built again: everything in it is derived."""

from collections.abc import Callable
from typing import TypeVar

import duckdb

from pipeline.project.failures import is_damaged
from pipeline.project.home import Home
from pipeline.runs.context import RunContext

T = TypeVar("T")


def with_whole_warehouse(context: RunContext, work: Callable[[], T]) -> T:
    """Do what reads the warehouse; if that finds it damaged, do it again with a new one.

    A block that has changed is found by its checksum when it is read, so at any step.
    """
    problem = warehouse_damage(context.home)
    if problem is None:
        try:
            return work()
        except Exception as error:
            if not is_damaged(error) or not context.home.warehouse.exists():
                raise
            problem = str(error).partition("\n")[0]
            context.forgive()
    discard_warehouse(context.home)
    context.warn(f"the warehouse was damaged and is built again from the lake. {problem}")
    return work()


def warehouse_damage(home: Home, *, every_block: bool = False) -> str | None:
    """Return why the warehouse cannot be read; None if it can be, or is not there.

    Args:
        home: CHURN_HOME.
        every_block: Read all rows of all tables, not only what they are.
    """
    if not home.warehouse.exists():
        return None
    try:
        with duckdb.connect(str(home.warehouse), read_only=True) as connection:
            tables = connection.execute(
                "select schema_name, table_name from duckdb_tables() order by all"
            ).fetchall()
            for schema, table in tables if every_block else ():
                name = f'"{schema}"."{table}"'
                connection.execute(
                    f"select sum(cast(hash(t) as hugeint)) from {name} as t"
                ).fetchall()
    except duckdb.Error as problem:
        if is_damaged(problem):
            return str(problem).partition("\n")[0]
        raise
    return None


def discard_warehouse(home: Home) -> None:
    """Delete the warehouse; the next build makes it."""
    for path in (home.warehouse, home.warehouse.with_name(f"{home.warehouse.name}.wal")):
        path.unlink(missing_ok=True)
