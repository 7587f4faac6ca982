"""Exports what people decided, and what is published of it, for dbt to read."""

import duckdb

from pipeline.project.duck import quoted
from pipeline.project.files import replaced
from pipeline.project.generations import current_file
from pipeline.project.home import Home
from pipeline.retention.decisions import export_state
from pipeline.retention.overlay import crm_today_sql, fill, read_today

_TABLE, _PUBLICATION = "crm_churn_actions", "bi_publication"


def export_decisions(home: Home) -> None:
    """Write the state, and the published CRM table as a sync sees it, as Parquet."""
    export_state(home)
    path = home.state_export / "published_actions.parquet"
    published = current_file(home)
    if published is not None:
        with duckdb.connect() as connection:
            connection.execute(f"attach {quoted(published)} as published (read_only)")
            there = {
                name
                for (name,) in connection.execute(
                    "select table_name from duckdb_tables() where database_name = 'published'"
                ).fetchall()
            }
            if _TABLE in there:
                fill(connection, read_today(home), "memory.main")
                rows = crm_today_sql(connection, f"published.serving.{_TABLE}", "memory.main")
                if _PUBLICATION in there:
                    # decisions may have been laid over rows that were kept, as they are here
                    rows = (
                        "select * replace (is_overlaid or domain in (select domain "
                        f"from published.serving.{_PUBLICATION} "
                        f"where rows_of_generation != generation) as is_overlaid) from ({rows})"
                    )
                with replaced(path) as part:
                    connection.execute(f"copy ({rows}) to {quoted(part)} (format parquet)")
                return
    path.unlink(missing_ok=True)
