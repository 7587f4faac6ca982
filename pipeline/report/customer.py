"""`churn explain`: prints one customer's score, reasons, features and input rows."""

from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from pipeline.project.duck import rows_of
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable, source_tables
from pipeline.runs.registry import live_run, recipe_of

_NEWEST = 3


def explain(home: Home, domain: str, customer: str, console: Console) -> None:
    """Print score, reasons, feature row, lineage and input rows of one scored customer.

    Raises:
        ChurnError: The customer is not scored, with the reason if it is known.
    """
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        found = _rows(
            connection,
            "select * from churn.fct_churn_scores where is_live and domain = ? and customer_id = ?",
            [domain, customer],
        )
        if not found:
            raise _not_scored(connection, domain, customer)
        score = found[0]
        _show_score(score, console)
        _show_reasons(connection, domain, customer, console)
        _show_features(connection, domain, customer, score, console)
        _show_lineage(home, domain, score, console)
        for table in source_tables(domain):
            _show_input(connection, table, customer, score["as_of_date"], console)


def _not_scored(connection: duckdb.DuckDBPyConnection, domain: str, customer: str) -> ChurnError:
    settings = _rows(connection, "select * from serving.bi_domains where domain = ?", [domain])
    rows = sum(
        int(
            _rows(
                connection,
                f"select count(*) as n from lake.{table.identifier} where {table.id_column} = ?",
                [customer],
            )[0]["n"]
        )
        for table in source_tables(domain)
        if table.id_column
    )
    if not rows:
        return ChurnError(
            f"{domain} has no customer {customer}.", hint="Spell the id as in the raw files."
        )
    return ChurnError(
        f"{customer} has {rows:,} rows in the files of {domain} but is not scored.",
        where=f"Not scored: {settings[0]['not_scored']}." if settings else None,
    )


def _show_score(score: dict[str, Any], console: Console) -> None:
    due = f", due {score['due_on']}" if score["due_on"] else ""
    cancelled = ", has already cancelled" if score["already_cancelled"] else ""
    console.print(
        f"{score['domain']} {score['customer_id']}: {score['churn_probability']:.1%} on "
        f"{score['as_of_date']} ({score['risk_band']}{due}{cancelled})",
        highlight=False,
        markup=False,
    )


def _show_reasons(
    connection: duckdb.DuckDBPyConnection, domain: str, customer: str, console: Console
) -> None:
    table = Table(
        title="Reasons (patterns that precede churn, not proven causes)", title_justify="left"
    )
    for title in ("", "driver", "reason", "log-odds", "actionable"):
        table.add_column(title, justify="right" if title == "log-odds" else "left")
    for row in _rows(
        connection,
        "select * from churn.fct_churn_reasons where domain = ? and customer_id = ? order by rank",
        [domain, customer],
    ):
        table.add_row(
            row["direction"],
            row["group_title"],
            row["sentence"],
            f"{row['contribution_log_odds']:+.2f}",
            "yes" if row["is_actionable"] else "",
        )
    console.print(table)


def _show_features(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    customer: str,
    score: dict[str, Any],
    console: Console,
) -> None:
    row = _rows(
        connection,
        f"select * from {domain}.{domain}__churn_examples where customer_id = ? and as_of_date = ?",
        [customer, score["as_of_date"]],
    )[0]
    described = {
        f["feature"]: f
        for f in _rows(
            connection,
            "select * from churn.int_churn__features_described where domain = ?",
            [domain],
        )
    }
    table = Table(title="Feature row", title_justify="left")
    for title in ("feature", "value", "unit", "means"):
        table.add_column(title, justify="right" if title == "value" else "left")
    for name, value in row.items():
        if name in described:
            shown = "null" if value is None else f"{value:.6g}" if value is not True else "true"
            if value is False:
                shown = "false"
            table.add_row(name, shown, described[name]["unit"], described[name]["description"])
    console.print(table)


def _show_lineage(home: Home, domain: str, score: dict[str, Any], console: Console) -> None:
    run = live_run(home, domain)
    for title, value in (
        ("run", score["run_id"]),
        ("model", f"{score['model_hash']} ({run / 'model.txt'})"),
        ("calibration", recipe_of(run).calibration.method),
        ("margin", f"{score['margin']:.6f} log-odds before calibration"),
        ("label", f"{score['label_definition']}, checksum {score['label_checksum']}"),
        ("feature SQL", f"{score['feature_sql_hash']} ({run / 'features.sql'})"),
        ("feature rows", f"checksum {score['feature_checksum']} of the cut-off"),
        ("scored at", f"{score['scored_at']} UTC"),
    ):
        console.print(f"{title:>13}  {value}", highlight=False, markup=False, soft_wrap=True)


def _show_input(
    connection: duckdb.DuckDBPyConnection,
    source: SourceTable,
    customer: str,
    as_of_date: Any,
    console: Console,
) -> None:
    """Print the number of rows of a raw table that the features could read, and the newest rows."""
    if source.id_column is None:
        return
    day = source.event_day or source.event_time
    known = f" and {day} < date '{as_of_date}'" if day else ""
    rows = _rows(
        connection,
        f"select * from lake.{source.identifier} where {source.id_column} = ?{known} "
        f"order by {day or source.id_column} desc",
        [customer],
    )
    table = Table(
        title=f"{source.name}: {len(rows):,} input rows"
        + (f" before {as_of_date}, the newest {min(_NEWEST, len(rows))}" if day else ""),
        title_justify="left",
    )
    if rows:
        columns = [name for name in rows[0] if name != source.id_column]
        for name in columns:
            table.add_column(name)
        for row in rows[:_NEWEST]:
            table.add_row(*(str(row[name]) for name in columns))
    console.print(table)


def _rows(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any]
) -> list[dict[str, Any]]:
    return rows_of(connection.execute(sql, parameters))
