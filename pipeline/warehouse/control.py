"""The control relations: which cut-offs there are, what is known, what each source covers.

dbt builds them (`models/control`). Where the feature SQL runs on other cut-offs, or with less
known, they are filled with other rows, and coverage follows from them by the SQL of its model.
"""

from pathlib import Path

import duckdb

from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.warehouse.compiled_sql import (
    View,
    lay,
    read_manifest,
    read_stack,
    view_of,
    write_stack,
)


def save_coverage(home: Home) -> None:
    """Keep the SQL of coverage that dbt has just compiled; its manifest forgets it."""
    nodes = read_manifest(home)["nodes"].values()
    write_stack(
        _path(home), [view_of(node) for node in nodes if node["name"] == "control__coverage"]
    )


def load_coverage(home: Home) -> View:
    """Return the SQL that derives coverage from cut-offs and days with events.

    Raises:
        ChurnError: Nothing has been built yet.
    """
    if not _path(home).exists():
        raise ChurnError("What is known when has not been built yet.", hint="Run `churn run`.")
    (coverage,) = read_stack(_path(home))
    return coverage


def _path(home: Home) -> Path:
    return home.dbt_target.parent / "coverage.json"


def fill_controls(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    coverage: View,
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
        create view control.control__event_days as from built.control.control__event_days
        """
    )
    lay(connection, [coverage])
