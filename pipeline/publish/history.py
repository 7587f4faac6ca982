"""Keeps what was published of each customer, a Parquet file per domain and cut-off.

Generations come and go and the warehouse is rebuilt; these files stay, like labels. A cut-off that
is published again replaces its own file.
"""

from pathlib import Path

import duckdb

from pipeline.project.duck import file_sql, open_large, quoted
from pipeline.project.home import Home
from pipeline.project.sums import replaced_with_sum

_TABLE = "bi_customer_360"
# Columns of the source `history.published_customers`, in its order; what a generation of an older
# version lacks is null.
KEPT = {
    "domain": "varchar",
    "customer_id": "varchar",
    "as_of_date": "date",
    "due_on": "date",
    "churn_probability": "double",
    "risk_band": "varchar",
    "is_at_risk": "boolean",
    "customer_value": "double",
    "leaving_cost": "double",
    "value_at_risk": "double",
    "ladder_part": "varchar",
    "ladder_part_code": "varchar",
    "decision": "varchar",
    "planned_action": "varchar",
    "expected_profit": "double",
    "arm": "varchar",
    "is_held_out": "boolean",
    "is_suppressed": "boolean",
    "label_definition": "varchar",
    "run_id": "varchar",
}


def keep_history(home: Home, line: tuple[str, ...]) -> list[Path]:
    """Write the files that are missing of what the generations published; return them.

    The cut-offs of the newest generation are written if they were published again. Those of older
    ones only if they have no file: a publish that was killed, or of a version that kept none.

    Args:
        home: CHURN_HOME.
        line: Names of the generations that were current, the newest last.
    """
    written: list[Path] = []
    for name in line:
        path = home.published / f"{name}.duckdb"
        if path.exists():
            written += _keep(home, path, replace=name == line[-1])
    return written


def _keep(home: Home, path: Path, *, replace: bool) -> list[Path]:
    written = []
    with open_large(home, "history") as connection:
        connection.execute(f"attach {quoted(path)} as published (read_only)")
        columns = _columns(connection, _TABLE)
        if not {"domain", "customer_id", "as_of_date"} <= columns:
            return []
        for domain, cut_off, generation, moment in _published(connection, path.stem):
            target = home.history / domain / f"{cut_off}.parquet"
            if target.exists() and (
                not replace or _generation_of(connection, target) == generation
            ):
                continue
            values = ", ".join(
                f"cast({name if name in columns else 'null'} as {kind}) as {name}"
                for name, kind in KEPT.items()
            )
            with replaced_with_sum(target) as part:
                connection.execute(
                    f"copy (select {values}, {quoted(generation)} as generation, "
                    f"cast({quoted(moment)} as timestamp) as published_at "
                    f"from published.serving.{_TABLE} where domain = {quoted(domain)} "
                    f"and as_of_date = date {quoted(cut_off)} order by customer_id) "
                    f"to {quoted(part)} (format parquet, compression zstd)"
                )
            written.append(target)
    return written


def _published(connection: duckdb.DuckDBPyConnection, name: str) -> list[tuple[str, str, str, str]]:
    """Domain, cut-off, and the generation and moment in which the rows were published."""
    # churn_<time>_<fingerprint>
    moment = f"strptime(split_part({quoted(name)}, '_', 2), '%Y%m%dT%H%M%S%f')"
    kept = bool(_columns(connection, "bi_publication"))
    generation = f"coalesce(rows_of_generation, {quoted(name)})" if kept else quoted(name)
    at = f"coalesce(rows_published_at, {moment})" if kept else moment
    source = f"(select distinct domain, as_of_date from published.serving.{_TABLE})"
    if kept:
        source += " left join published.serving.bi_publication using (domain, as_of_date)"
    return connection.execute(
        f"select domain, as_of_date::varchar, {generation}, {at}::varchar from {source} order by 1"
    ).fetchall()


def _generation_of(connection: duckdb.DuckDBPyConnection, path: Path) -> str | None:
    row = connection.execute(f"select generation from {file_sql(path)} limit 1").fetchone()
    return str(row[0]) if row else None


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    rows = connection.execute(
        "select column_name from duckdb_columns() where database_name = 'published' "
        "and schema_name = 'serving' and table_name = ?",
        [table],
    ).fetchall()
    return {row[0] for row in rows}
