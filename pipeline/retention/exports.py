"""Exports what people decided, and what is published of it, for dbt to read."""

import duckdb

from pipeline.project.duck import quoted
from pipeline.project.files import replaced
from pipeline.project.generations import current_file
from pipeline.project.home import Home
from pipeline.retention.decisions import export_state
from pipeline.retention.overlay import crm_today_sql, fill, read_today

_TABLE = "crm_churn_actions"


def export_decisions(home: Home) -> None:
    """Write the state, and the published CRM table as a sync sees it, as Parquet."""
    export_state(home)
    path = home.state_export / "published_actions.parquet"
    published = current_file(home)
    if published is not None:
        with duckdb.connect() as connection:
            connection.execute(f"attach {quoted(published)} as published (read_only)")
            there = connection.execute(
                "select count(*) from duckdb_tables() where table_name = ?", [_TABLE]
            ).fetchone()
            if there == (1,):
                fill(connection, read_today(home), "memory.main")
                rows = crm_today_sql(connection, f"published.serving.{_TABLE}", "memory.main")
                with replaced(path) as part:
                    connection.execute(f"copy ({rows}) to {quoted(part)} (format parquet)")
                return
    path.unlink(missing_ok=True)
