"""Tables on the terminal after a run, read from the published generation and the warehouse."""

from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from pipeline.project.codes import terms
from pipeline.project.duck import file_sql
from pipeline.project.home import Home
from pipeline.publish.generation import GenerationInfo

# By how much our log loss is lower than that of the model in the row, with its 95 % interval.
GAIN = "gain_of_lightgbm"
# Metrics that are printed, in this order.
METRICS = (
    "log_loss",
    "auc",
    "ece",
    "calibration_slope",
    "observed_to_expected",
    "top_decile_capture",
)


def model_term(model: str) -> str:
    """Return what the field calls a model; a domain's own baseline goes by its name."""
    return terms("model").get(model, model.replace("_", " "))


def show_riskiest(
    generation: GenerationInfo, domain: str, console: Console, count: int = 10
) -> None:
    """Print the riskiest customers who have not cancelled yet, with their reasons."""
    with duckdb.connect(str(generation.path), read_only=True) as connection:
        rows = connection.execute(
            """
            select customer_id, due_on, churn_probability, value_at_risk,
                top_driver_1, top_driver_2, top_driver_3
            from serving.bi_churn_risk
            where domain = ? and not coalesce(already_cancelled, false)
            order by risk_rank
            limit ?
            """,
            [domain, count],
        ).fetchall()
        cancelled, due, customers, day, currency, not_scored = _one(
            connection,
            """
            select count(*) filter (where already_cancelled), count(due_on), count(*),
                max(risk.as_of_date), max(currency), max(not_scored)
            from serving.bi_churn_risk as risk inner join serving.bi_domains using (domain)
            where domain = ?
            """,
            domain,
        )
    table = Table(
        title=f"{domain}: the {len(rows)} riskiest of {customers:,} customers on {day}"
        + (f", without {cancelled:,} who have already cancelled" if cancelled else ""),
        title_justify="left",
        caption=f"Not scored: {not_scored}.",
        caption_justify="left",
    )
    table.add_column("customer", no_wrap=True, max_width=14)
    if due:
        table.add_column("due", no_wrap=True)
    table.add_column("risk", justify="right", no_wrap=True)
    table.add_column(f"at risk, {currency}", justify="right")
    table.add_column("churn drivers (patterns, not proven causes)")
    for customer, due_on, probability, value, *reasons in rows:
        table.add_row(
            customer,
            *([str(due_on)] if due else []),
            f"{probability:.0%}",
            "–" if value is None else f"{value:,.0f}",
            "; ".join(reason for reason in reasons if reason),
        )
    console.print(table)


def show_quality(
    generation: GenerationInfo,
    domain: str,
    console: Console,
    not_cancelled: str | None = None,
    apart: str | None = None,
    population: str = "",
) -> None:
    """Print the model's metrics on the test cohort beside the baselines.

    Args:
        generation: The published generation.
        domain: Domain.
        console: Console to print to.
        not_cancelled: Segment value of `already_cancelled` to print separately.
        apart: Segment of which each part is printed separately.
        population: Who is in the cohort, for the caption of these parts.
    """
    with duckdb.connect(str(generation.path), read_only=True) as connection:
        everybody = connection.execute(
            "select model, metric, value, ci_high, rows, as_of_date, label_definition, "
            "last_as_of_date from serving.bi_model_quality where domain = ? and split = 'test' "
            "order by model <> 'lightgbm', max(value) filter (metric = 'log_loss') over "
            "(partition by model)",
            [domain],
        ).fetchall()
        parts = [
            (figures, f", {part}", f"The cohort: {population}.")
            for part, figures in _by_part(connection, domain, apart).items()
        ]
        others = _by_part(connection, domain, "already_cancelled").get(not_cancelled or "", [])
    for figures, whom, caption in (
        (everybody, "", ""),
        (others, ", without customers who have already cancelled", ""),
        *parts,
    ):
        if figures:
            table = _quality_table(figures, domain, whom)
            table.caption, table.caption_justify = caption or None, "left"
            console.print(table)
    _show_quality_of_day(generation, domain, console)


def _by_part(
    connection: duckdb.DuckDBPyConnection, domain: str, segment: str | None
) -> dict[str, list[tuple[Any, ...]]]:
    """Return the figures of each part of a segment."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for part, *figures in connection.execute(
        "select segment_value, model, metric, value, ci_high, rows, as_of_date, label_definition, "
        "last_as_of_date from serving.bi_model_quality_by_segment where domain = ? "
        "and split = 'test' and segment = ? order by segment_value, model <> 'lightgbm', "
        "max(value) filter (metric = 'log_loss') over (partition by segment_value, model)",
        [domain, segment],
    ).fetchall():
        found.setdefault(part, []).append(tuple(figures))
    return found


def _show_quality_of_day(generation: GenerationInfo, domain: str, console: Console) -> None:
    """Print the quality of the kind of day that was scored, where several kinds were tested."""
    with duckdb.connect(str(generation.path), read_only=True) as connection:
        scored, tested, is_measured, cohorts = _one(
            connection,
            "select as_of_date, nearest_test_as_of_date, is_scored_day_measured, test_cut_offs "
            "from serving.bi_domains where domain = ?",
            domain,
        )
        found = dict(
            connection.execute(
                "select metric, value from serving.bi_model_quality_by_day "
                "where domain = ? and model = 'lightgbm' and is_nearest_to_scored",
                [domain],
            ).fetchall()
        )
    if found and cohorts > 1:
        console.print(
            f"{domain}: on {tested}, whose day of the month is nearest to that of {scored}: "
            f"log loss {found['log_loss']:.4f}, AUC {found['auc']:.4f}, "
            f"observed / expected {found['observed_to_expected']:.2f}.",
            highlight=False,
        )
    if is_measured is False:
        console.print(
            f"{domain}: no test cohort lies within 4 days of the day of the month that was scored, "
            f"{scored}; the nearest is {tested}. How good scores are on such days is not known. "
            "More days in grid_days would tell.",
            highlight=False,
        )


def show_run_quality(run: Path, console: Console) -> None:
    """Print the test metrics of a run's folder, live or not."""
    with duckdb.connect() as connection:
        figures = connection.execute(
            "select model, metric, value, ci_high, rows, as_of_date, label_definition, "
            "coalesce(last_as_of_date, as_of_date), domain "
            f"from {file_sql(run / 'metrics.parquet')} where split = 'test' "
            "order by model <> 'lightgbm', "
            "max(value) filter (metric = 'log_loss') over (partition by model)"
        ).fetchall()
    console.print(_quality_table([row[:-1] for row in figures], figures[0][-1], ""))


def _quality_table(figures: list[tuple[Any, ...]], domain: str, whom: str) -> Table:
    found = {(model, metric): value for model, metric, value, *_ in figures}
    gains = {model: (value, high) for model, metric, value, high, *_ in figures if metric == GAIN}
    *_, rows, day, definition, last = figures[0]
    cohorts = f"cohort of {day}" if day == last else f"cohorts of {day} to {last}"
    table = Table(
        title=f"{domain}: quality on the {cohorts} ({rows:,} customers, label {definition}), "
        f"which no model saw{whom}",
        title_justify="left",
    )
    table.add_column("", no_wrap=True)
    for metric in METRICS:
        table.add_column(terms("metric")[metric], justify="right")
    table.add_column(terms("metric")[GAIN], justify="right")
    for model in dict.fromkeys(model for model, *_ in figures):
        cells = [found.get((model, metric)) for metric in METRICS]
        table.add_row(
            model_term(model),
            *("–" if cell is None else f"{cell:.4f}" for cell in cells),
            with_noise(*gains[model]) if model in gains else "",
        )
    return table


def with_noise(value: float, high: float) -> str:
    """Return a difference with what is noise: half of its 95 % interval."""
    return f"{value:+.4f} ± {high - value:.4f}"


def show_label_audit(home: Home, domain: str, console: Console) -> None:
    """Print how far derived labels agree with supplied ones, for a domain with supplied labels."""
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        there = connection.execute(
            "select count(*) from duckdb_tables() where schema_name = ? and table_name = ?",
            [domain, f"{domain}__label_audit"],
        ).fetchone()
        if there == (0,):
            return
        rows = connection.execute(
            f"""
            select as_of_date, label_definition, cohort_state, supplied_rows, derived_rows,
                rows_in_both, coverage, rows_compared, agreement
            from {domain}.{domain}__label_audit
            order by as_of_date, label_definition
            """
        ).fetchall()
    if not rows:
        return
    table = Table(title=f"{domain}: derived labels against supplied ones", title_justify="left")
    for title in ("cut-off", "definition", "derived cohort"):
        table.add_column(title)
    for title in ("supplied", "derived", "in both", "coverage", "compared", "agreement"):
        table.add_column(title, justify="right")
    for day, definition, state, *counts, coverage, compared, agreement in rows:
        table.add_row(
            str(day),
            definition,
            state,
            *(f"{count:,}" for count in counts),
            f"{coverage:.1%}",
            f"{compared:,}",
            "–" if agreement is None else f"{agreement:.2%}",
        )
    console.print(table)


def _one(connection: duckdb.DuckDBPyConnection, sql: str, domain: str) -> tuple[Any, ...]:
    """The single row of an aggregate."""
    return connection.execute(sql, [domain]).fetchall()[0]
