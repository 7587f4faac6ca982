"""The customers of a saved audience, as they are now."""

import json
from typing import Any

import duckdb
import sqlalchemy as sa

from app.customer_conditions import CONDITIONS, RISK, conditions_on
from pipeline.project.duck import quoted
from pipeline.project.errors import ChurnError
from pipeline.project.generations import current_file
from pipeline.project.home import Home
from pipeline.project.state import reading_from
from pipeline.retention.overlay import actions_today_sql, customers_today_sql, fill, read_today

# what this needs of the API's table, which the API describes whole
_AUDIENCES = sa.table("api_audiences", sa.column("domain"), sa.column("name"), sa.column("filter"))
_OVERLAID = {"bi_churn_actions": actions_today_sql, "bi_customer_360": customers_today_sql}


def audience_members(home: Home, domain: str, name: str) -> frozenset[str]:
    """Return the customers who match a saved audience now, marks of today laid over.

    Raises:
        ChurnError: There is no such audience, or nothing is published.
    """
    with reading_from(home) as connection:
        kept: str | None = None
        if connection is not None:
            kept = connection.execute(
                sa.select(_AUDIENCES.c.filter).where(
                    _AUDIENCES.c.domain == domain, _AUDIENCES.c.name == name
                )
            ).scalar()
    if kept is None:
        raise ChurnError(
            f"{domain} has no audience {name!r}.",
            hint="Save one on the page Customers of the viewer, or by the API.",
        )
    path = current_file(home)
    if path is None:
        raise ChurnError("Nothing is published.", hint="Publish first: churn run.")
    chosen: dict[str, Any] = {
        name: value for name, value in json.loads(kept).items() if name in CONDITIONS
    }
    with duckdb.connect() as reader:
        reader.execute(f"attach {quoted(path)} as published (read_only)")
        fill(reader, read_today(home), "memory.main")
        crm = "published.serving.crm_churn_actions"
        for table, sql in _OVERLAID.items():
            rows = sql(reader, f"published.serving.{table}", crm, "memory.main")
            reader.execute(f"create view memory.main.{table}_today as {rows}")

        def relation(table: str) -> str:
            return f"{table}_today" if table in _OVERLAID else f"published.serving.{table}"

        where, values = conditions_on(RISK, domain, chosen, relation)
        wheres = " and ".join(f"({one})" for one in where)
        found = reader.execute(
            f"select customer_id from {relation(RISK)} where {wheres}", values
        ).fetchall()
    return frozenset(row[0] for row in found)
