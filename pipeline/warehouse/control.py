"""The control relations: which cut-offs there are, what is known, what each source covers.

dbt builds them (`models/control`). Where the feature SQL runs on other cut-offs, or with less
known, they are filled with other rows, and coverage and windows follow by the SQL of their models.
"""

import duckdb

from pipeline.warehouse.compiled_sql import (
    CompiledModel,
    create_models,
)

# What each day is worth to a cut-off after it: no cut-off and no known day changes it.
JUDGED = ("day_counts", "starts", "holes", "outcome_holes")


def fill_controls(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    coverage: list[CompiledModel],
    *,
    cut_offs: str,
    known_before: str,
) -> None:
    """Make the control relations of one domain in an in-memory database.

    Args:
        connection: Has the warehouse attached as `built`.
        domain: Domain.
        coverage: From `load_coverage`.
        cut_offs: Select of as_of_date and due_from.
        known_before: SQL of the knowledge cut-off.
    """
    connection.execute(
        f"""
        create schema control;
        create table control.control__cut_offs as
        select '{domain}' as domain, as_of_date, due_from from ({cut_offs});
        create table control.control__knowledge as
        select '{domain}' as domain, {known_before} as known_before;
        """
    )
    for name in JUDGED:
        connection.execute(
            f"create view control.control__{name} as from built.control.control__{name}"
        )
    create_models(connection, coverage)
