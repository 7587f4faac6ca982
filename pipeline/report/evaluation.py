"""Tables of `churn evaluate`."""

from pathlib import Path
from typing import Any

import duckdb
from rich.table import Table

from pipeline.project.duck import file_sql
from pipeline.report.run import GAIN, model_term, with_noise
from pipeline.runs.context import RunContext
from pipeline.runs.evaluate import ROLLING


def show_evaluation(context: RunContext, domain: str, folder: Path) -> None:
    """Print the results, each metric with its cohort and beside its baselines."""

    def read(table: str) -> list[dict[str, Any]]:
        path = folder / f"{table}.parquet"
        if not path.exists():
            return []
        with duckdb.connect() as connection:
            frame = connection.execute(f"from {file_sql(path)}").df()
        rows: list[dict[str, Any]] = frame.to_dict("records")
        return rows

    quality = read("origin_metrics")
    for protocol in dict.fromkeys(row["protocol"] for row in quality):
        rows = [row for row in quality if row["protocol"] == protocol]
        words = "cohorts that no model saw" if protocol == ROLLING else f"protocol {protocol}"
        if protocol != ROLLING:
            words += f": {context.entries[domain].protocols[protocol].because}"
        context.console.print(_by_cohort(rows, f"{domain}: log loss (AUC), {words}"))
        table = _gains(rows, f"{domain}: what LightGBM gains over each, log loss, {words}")
        table.caption, table.caption_justify = seasons_told(rows) or None, "left"
        context.console.print(table)
    context.console.print(_calibrations(read("origin_calibrations"), domain))
    context.console.print(_curve(read("learning_curve"), domain))
    if leads := read("lead_metrics"):
        context.console.print(_leads(leads, domain))


def _by_cohort(rows: list[dict[str, Any]], title: str) -> Table:
    models = list(dict.fromkeys(row["model"] for row in rows))
    table = Table(title=title, title_justify="left")
    for column in ("cohort", "customers", *map(model_term, models)):
        table.add_column(column, justify="right")
    for day in dict.fromkeys(row["as_of_date"] for row in rows):
        found = {(r["model"], r["metric"]): r for r in rows if r["as_of_date"] == day}
        cells = []
        for model in models:
            loss, auc = found[model, "log_loss"], found[model, "auc"]
            reach = (loss["ci_high"] - loss["ci_low"]) / 2
            cells.append(f"{loss['value']:.4f} ± {reach:.4f} ({auc['value']:.4f})")
        customers = found[models[0], "log_loss"]["rows"]
        table.add_row(f"{day:%Y-%m-%d}", f"{customers:,}", *cells)
    return table


def _gains(rows: list[dict[str, Any]], title: str) -> Table:
    gains = [row for row in rows if row["metric"] == GAIN]
    models = list(dict.fromkeys(row["model"] for row in gains))
    table = Table(title=title, title_justify="left")
    for column in ("cohort", *map(model_term, models)):
        table.add_column(column, justify="right")
    for day in dict.fromkeys(row["as_of_date"] for row in gains):
        of = {row["model"]: row for row in gains if row["as_of_date"] == day}
        cells = [with_noise(of[model]["value"], of[model]["ci_high"]) for model in models]
        table.add_row(f"{day:%Y-%m-%d}", *cells)
    return table


def seasons_told(rows: list[dict[str, Any]]) -> str:
    """Return how few independent seasons cohorts are that lie close together; empty for one."""
    days = sorted({row["as_of_date"] for row in rows})
    if len(days) < 2:
        return ""
    span = (days[-1] - days[0]).days + 31
    quarters = max(1, round(span / 91))
    return (
        f"± is the 95 % interval over customers. It says nothing of other seasons: these "
        f"{len(days)} periods share customers and outcomes, and span {span / 365:.1f} years, "
        f"{quarters} independent season{'s' if quarters > 1 else ''} at most."
    )


def _calibrations(rows: list[dict[str, Any]], domain: str) -> Table:
    methods = list(dict.fromkeys(row["method"] for row in rows))
    table = Table(
        title=f"{domain}: gain in log loss of each calibration map over none, ± standard error; "
        "maps are fitted on the previous cohort",
        title_justify="left",
        caption="* marks the map that earlier cohorts alone would choose.",
        caption_justify="left",
    )
    for column in ("cohort", *methods):
        table.add_column(column, justify="right")
    for day in dict.fromkeys(row["as_of_date"] for row in rows):
        table.add_row(
            f"{day:%Y-%m-%d}",
            *(
                f"{r['gain_over_none']:+.4f} ± {r['gain_se']:.4f}{' *' if r['is_chosen'] else ''}"
                for r in rows
                if r["as_of_date"] == day
            ),
        )
    return table


def _curve(rows: list[dict[str, Any]], domain: str) -> Table:
    since = rows[0]["learned_from"]
    left_out = any(row["oldest"] < since for row in rows)
    table = Table(
        title=f"{domain}: does more history help? Log loss on {rows[0]['as_of_date']:%Y-%m-%d} by "
        "number of newest cohorts learned from",
        title_justify="left",
        caption=f"Runs learn from cohorts since {since:%Y-%m-%d}"
        + (": earlier ones have too little history." if left_out else ", all of them."),
        caption_justify="left",
    )
    for column in ("cohorts", "since", "rows", "log loss", "gain of using all"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            str(row["cohorts"]),
            f"{row['oldest']:%Y-%m-%d}",
            f"{row['rows']:,}",
            f"{row['log_loss']:.4f}",
            f"{row['gain_of_all']:+.4f} ± {row['gain_se']:.4f}",
        )
    return table


def _leads(rows: list[dict[str, Any]], domain: str) -> Table:
    table = Table(
        title=f"{domain}: quality by lead time, outcomes of {rows[0]['as_of_date']:%Y-%m-%d}",
        title_justify="left",
    )
    for column in (
        "days earlier",
        "population",
        "customers",
        "log loss",
        "base rate log loss",
        "AUC",
    ):
        table.add_column(column, justify="right")
    for lead, population in dict.fromkeys((r["lead_days"], r["population"]) for r in rows):
        found = {
            (r["model"], r["metric"]): r
            for r in rows
            if (r["lead_days"], r["population"]) == (lead, population)
        }
        loss = found["lightgbm", "log_loss"]
        table.add_row(
            str(lead),
            population,
            f"{loss['rows']:,}",
            f"{loss['value']:.4f}",
            f"{found['base_rate', 'log_loss']['value']:.4f}",
            f"{found['lightgbm', 'auc']['value']:.4f}",
        )
    return table
