"""The control relations: which cut-offs there are, what is known, what each source covers.

dbt builds them (`models/control`). Where the feature SQL runs on other cut-offs, or with less
known, they are filled with other rows, and coverage and windows follow by the SQL of their models.
"""

from dataclasses import dataclass
from datetime import date

import duckdb

from pipeline.project.sources import source_tables
from pipeline.warehouse.compiled_sql import (
    CompiledModel,
    create_models,
    placed,
)

# What each day is worth to a cut-off after it: no cut-off and no known day changes it.
JUDGED = ("day_counts", "starts", "holes", "outcome_holes")

# A feed whose newest rows were seen so many days after their day brings each day once it is over.
_PROMPT_DAYS = 2


def fill_controls(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    coverage: list[CompiledModel],
    *,
    cut_offs: str,
    known_before: str,
    identities: CompiledModel | None = None,
) -> None:
    """Make the control relations of one domain in an in-memory database.

    Args:
        connection: Has the warehouse attached as `built`.
        domain: Domain.
        coverage: From `load_coverage`.
        cut_offs: Select of as_of_date and due_from.
        known_before: SQL of the knowledge cut-off.
        identities: From `load_identities`, to resolve the lake's own map of ids; by default as the
            warehouse did.
    """
    connection.execute(
        f"""
        create schema control;
        create table control.control__cut_offs as
        select '{domain}' as domain, as_of_date, due_from from ({cut_offs});
        create view control.control__feature_cut_offs as
        select domain, as_of_date from control.control__cut_offs;
        create table control.control__knowledge as
        select '{domain}' as domain, {known_before} as known_before;
        """
    )
    for name in JUDGED:
        connection.execute(
            f"create view control.control__{name} as from built.control.control__{name}"
        )
    create_models(connection, coverage)
    if identities is None:
        rows = "from built.control.control__identities"
    else:
        rows = f"select '{domain}' as domain, * from ({placed(identities.sql)})"
    connection.execute(f"create table control.control__identities as {rows}")


@dataclass(frozen=True)
class MissingDays:
    """Days in a row without the usual rows of a table, for which nobody gave a reason.

    Attributes:
        table: Table of the source, or table.part.
        first: First day.
        last: Last day.
        shows_outcomes: The table shows outcomes, so cohorts that the days touch stay open.
    """

    table: str
    first: date
    last: date
    shows_outcomes: bool

    def __str__(self) -> str:
        is_one = self.first == self.last
        days = f"on {self.first}" if is_one else f"from {self.first} to {self.last}"
        effect = "windows over too many of them are null" + (
            ", and cohorts that they touch stay open" if self.shows_outcomes else ""
        )
        return f"{self.table} has far fewer rows than usual {days}: {effect}"


def missing_days(connection: duckdb.DuckDBPyConnection, domain: str) -> list[MissingDays]:
    """Return the holes of a domain without a reason, those that show outcomes first.

    Args:
        connection: The warehouse, after a build.
        domain: Domain.
    """
    rows = connection.execute(
        """
        with

        numbered as (
            select
                table_name,
                day,
                day - cast(row_number() over (partition by table_name order by day) as integer)
                    as run
            from control.control__holes
            where domain = ? and reason is null
        )

        select
            table_name,
            min(day),
            max(day),
            table_name = (select anchor_table from control.control__grids where domain = ?)
        from numbered
        group by table_name, run
        order by 4 desc, 1, 2
        """,
        [domain, domain],
    ).fetchall()
    return [MissingDays(*row) for row in rows]


@dataclass(frozen=True)
class LateFeed:
    """Days that are over and have not come.

    Attributes:
        table: Table of the source, or table.part.
        last: Last day with rows.
        today: The day it is.
    """

    table: str
    last: date
    today: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.today - self.last).days - 1

    def __str__(self) -> str:
        awaited = "1 day has" if self.days == 1 else f"{self.days:,} days have"
        return (
            f"{awaited} not come: {self.table} ends on {self.last}, and today is {self.today}. "
            "Scores are as of an earlier day until the rows are ingested"
        )


def late_feed(connection: duckdb.DuckDBPyConnection, domain: str, today: date) -> LateFeed | None:
    """Return the days that are awaited of the table that shows outcomes; None without any.

    The last day of a record is no hole, because nothing in it says that it goes on. How promptly
    its rows came does: of an old export, loaded long after its days, no day is awaited.

    Args:
        connection: The warehouse, after a build.
        domain: Domain.
        today: The day it is where the domain's days are counted.
    """
    row = connection.execute(
        "select grids.anchor_table, max(event_days.day) from control.control__grids as grids "
        "inner join control.control__event_days as event_days on "
        "event_days.domain = grids.domain and event_days.table_name = grids.anchor_table "
        "where grids.domain = ? group by all",
        [domain],
    ).fetchone()
    if row is None:
        return None
    anchor, last = row
    (relation,) = (
        table.identifier
        for table in source_tables(domain)
        if table.name == anchor.partition(".")[0]
    )
    ((seen,),) = connection.execute(f"select max(first_seen_on) from lake.{relation}").fetchall()
    late = LateFeed(anchor, last, today)
    is_prompt = seen is not None and (seen - last).days <= _PROMPT_DAYS
    return late if is_prompt and late.days > 0 else None
