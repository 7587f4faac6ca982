"""Finds the table that has the columns a kind needs, and checks what was said of it."""

from collections.abc import Mapping, Sequence
from datetime import date

import duckdb

from pipeline.onboarding.columns import FoundColumn, profile_columns
from pipeline.onboarding.files import FoundTable
from pipeline.onboarding.roles import Role, Roles, propose
from pipeline.project.errors import ChurnError


def check_table(tables: Sequence[FoundTable], name: str | None, option: str) -> None:
    """Refuse the name of a table that is not there.

    Raises:
        ChurnError: There is no such table.
    """
    if name and name not in {table.name for table in tables}:
        raise ChurnError(
            f"There is no table {name!r}.",
            where=", ".join(f"{table.name} ({', '.join(table.files[:3])})" for table in tables),
            hint=f"Write {option} with one of these names.",
        )


def largest_with(
    roles: Sequence[Role],
    tables: Sequence[FoundTable],
    said: Mapping[str, str],
    name: str | None,
    con: duckdb.DuckDBPyConnection,
) -> tuple[FoundTable, list[FoundColumn], Roles] | None:
    """Return the table that is named, or the largest with the columns for these roles.

    Args:
        roles: What columns can play.
        tables: The tables of the folder.
        said: Role → header, or `none`.
        name: The table, if it was said.
        con: The session.

    Returns:
        The table, its columns and which plays what; None without any table.

    Raises:
        ChurnError: No table has what the roles need, or the name of one is wrong; the words are
            those of the largest.
    """
    check_table(tables, name, "--table")
    chosen = [table for table in tables if name in (None, table.name)]
    problem: ChurnError | None = None
    for table in sorted(chosen, key=lambda table: -table.rows):
        columns = profile_columns(table, con)
        try:
            return table, columns, propose(columns, roles, said, table.where)
        except ChurnError as error:
            problem = problem or error
    if problem is not None:
        raise problem
    return None


def check_values(table: FoundTable, kind: FoundColumn | None, said: Sequence[str]) -> None:
    """Refuse values that the column which says what a row is does not have.

    Raises:
        ChurnError: A value is not there, or the column is not.
    """
    values = {value for value, _ in kind.values} if kind else set()
    if unknown := sorted(set(said) - values):
        raise ChurnError(
            f"{', '.join(unknown)} is not a value of "
            + (kind.header if kind else "a column that says what a row is")
            + ".",
            where=table.where,
            hint=f"Write one of {', '.join(sorted(values))}."
            if values
            else "Say which column says what a row is: --column type=NAME.",
        )


def days_without_rows(
    con: duckdb.DuckDBPyConnection, relation: str, day: str
) -> tuple[int, int, date | None]:
    """Return the days between the first and the last without any row, in all and in one run.

    Args:
        con: The session.
        relation: Where the rows are.
        day: The column with their days; nulls do not count.

    Returns:
        Days, days of the longest run, its first day; (0, 0, None) without a hole.
    """
    days, longest, begins = con.execute(
        f"""
        with days as (
            select {day} as day, lead({day}) over (order by {day}) as next_day
            from (select distinct {day} from {relation} where {day} is not null)
        )
        select
            coalesce(sum(next_day - day - 1), 0),
            coalesce(max(next_day - day - 1), 0),
            arg_max(day + 1, next_day - day - 1)
        from days
        """
    ).fetchone() or (0, 0, None)
    return int(days), int(longest), begins if longest else None
