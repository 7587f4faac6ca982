"""Rebuilds a domain's examples as of some days before each cohort's first due date."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from pipeline.project.duck import open_large, quoted
from pipeline.project.home import Home
from pipeline.warehouse.compiled_sql import create_models, load_coverage, load_stack
from pipeline.warehouse.control import fill_controls


@contextmanager
def examples_before(
    home: Home, domain: str, lead_days: int, cohorts: list[str]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield an in-memory database with the mart of cohorts at an earlier cut-off.

    Each cut-off is `lead_days` before its cohort's first due date.

    Args:
        home: CHURN_HOME after a build.
        domain: Domain whose examples have due dates.
        lead_days: Days between the cut-off and the first due date.
        cohorts: First days of due dates, the cut-offs of the mart.
    """
    days = ", ".join(f"(date '{day}')" for day in cohorts)
    cut_offs = (
        f"select due_from - {lead_days} as as_of_date, due_from "
        f"from (values {days}) as cohorts (due_from)"
    )
    with examples_at(home, domain, cut_offs) as connection:
        yield connection


@contextmanager
def examples_at(home: Home, domain: str, cut_offs: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield an in-memory database with the mart at other cut-offs.

    The SQL is that of the last build; only the cut-offs differ. Outcomes follow from what the
    customers did later.

    Args:
        home: CHURN_HOME after a build.
        domain: Domain.
        cut_offs: Select of as_of_date and due_from.
    """
    settings = {"threads": "2", "preserve_insertion_order": "false"}
    with open_large(home, "lead_time", config=settings) as connection:
        connection.execute(f"attach {quoted(home.warehouse)} as built (read_only)")
        connection.execute("create schema lake")
        relations = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'built' "
            "and schema_name = 'lake' and starts_with(table_name, ?) "
            "union select view_name from duckdb_views() where database_name = 'built' "
            "and schema_name = 'lake' and starts_with(view_name, ?)",
            [f"{domain}_", f"{domain}_"],
        ).fetchall()
        for (name,) in relations:
            if name != f"{domain}_frozen_labels":
                connection.execute(f"create view lake.{name} as from built.lake.{name}")
        # frozen outcomes belong to other cut-offs
        connection.execute(
            f"create table lake.{domain}_frozen_labels as "
            f"from built.lake.{domain}_frozen_labels limit 0"
        )
        fill_controls(
            connection,
            domain,
            load_coverage(home),
            cut_offs=cut_offs,
            known_before="(select known_before from built.control.control__knowledge "
            f"where domain = '{domain}')",
        )
        create_models(connection, load_stack(home, domain, "examples"))
        yield connection
