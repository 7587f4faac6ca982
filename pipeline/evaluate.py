"""`churn evaluate`: quality over many cohorts, by how much history, and by how early."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from rich.table import Table

from ml import artifacts
from ml.cohorts import RefusedError, is_on_grid, plan_fits, read_cohorts
from ml.contract import read_examples, usable_features
from ml.lead import predict_early, quality_by_lead
from ml.protocol import judge_protocol
from ml.rolling import judge_origin, learning_curve, origins
from ml.run import read_snapshot_features
from ml.train import PARAMETERS
from pipeline.errors import ChurnError
from pipeline.lead_time import examples_before
from pipeline.models import live_run, recipe_of
from pipeline.report import MODELS
from pipeline.sql_text import quoted
from pipeline.steps import REFUSED, Plan

ROLLING = "rolling origins"


def evaluate(plan: Plan, domain: str, count: int) -> Path:
    """Evaluate the live run's recipe on the newest closed cohorts and keep the tables with it.

    Args:
        plan: What to work on; its warehouse is built with the live settings.
        domain: Domain.
        count: Cohorts, newest last.

    Returns:
        Folder of the tables.

    Raises:
        ChurnError: There is no live run, or too little data.
    """
    run = live_run(plan.home, domain)
    recipe, settings = recipe_of(run), plan.entries[domain]
    rounds = artifacts.load_model(run)[0].num_trees()
    parameters = {**PARAMETERS, **recipe["tuned"]}
    folder = plan.home.work / f"evaluate_{domain}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lineage = {"run_id": run.name, "domain": domain}

    with (
        duckdb.connect(str(plan.home.warehouse), read_only=True) as connection,
        plan.console.status(f"{domain}: reading the mart") as status,
    ):

        def say(words: str) -> None:
            status.update(f"{domain}: {words}")

        cohorts = read_cohorts(connection, domain)
        judged = origins(cohorts, settings, count)
        if not judged:
            raise ChurnError(f"{domain} has no closed cohort to judge on.", exit_code=REFUSED)
        everything = read_examples(
            connection, domain, since=cohorts[0].as_of_date, until=judged[-1].test
        )
        usable, _ = usable_features(
            everything.features,
            read_snapshot_features(connection, domain),
            settings["assumed_static"],
        )
        examples = everything.keep(usable)
        quality, calibrations = [], []
        for place, fits in enumerate(judged, 1):
            say(f"cohort {place} of {len(judged)}, {fits.test}")
            origin = judge_origin(examples, fits, settings, parameters)
            at = {"as_of_date": str(fits.test)}
            quality.append(
                origin.quality.assign(**at, protocol=ROLLING, trained_cohorts=len(fits.refit))
            )
            calibrations.append(origin.calibrations.assign(**at))
        for name, protocol in settings.get("protocols", {}).items():
            say(f"protocol {name}")
            try:
                figures = judge_protocol(
                    connection,
                    domain,
                    tuple(recipe["features"]),
                    settings,
                    protocol,
                    parameters,
                    rounds,
                )
            except RefusedError as refusal:
                plan.say(f"{domain}: no protocol {name}: {refusal}")
                continue
            quality.append(
                figures.assign(as_of_date=protocol["test"], protocol=name, trained_cohorts=1)
            )
        say("how much history helps")
        newest = plan_fits(
            [c for c in cohorts if c.as_of_date <= judged[-1].test],
            judged[-1].known_on,
            {**settings, "least_history_days": 0},
        )
        curve = learning_curve(examples, newest, parameters)
        tables = {
            "origin_metrics": pd.concat(quality, ignore_index=True),
            "origin_calibrations": pd.concat(calibrations, ignore_index=True),
            "learning_curve": curve.assign(
                as_of_date=str(newest.test), learned_from=str(judged[-1].refit[0])
            ),
        }
        if leads := settings.get("lead_days"):
            tables["lead_metrics"] = _by_lead(plan, domain, leads, rounds, say).assign(
                as_of_date=str(judged[-1].test)
            )
        for table, frame in tables.items():
            artifacts.write_table(
                connection, folder, table, {**lineage, **{c: frame[c] for c in frame}}
            )
    target = run / "evaluation"
    shutil.rmtree(target, ignore_errors=True)
    folder.replace(target)
    return target


def _by_lead(
    plan: Plan, domain: str, leads: list[int], rounds: int, say: Callable[[str], None]
) -> pd.DataFrame:
    recipe, settings = recipe_of(live_run(plan.home, domain)), plan.entries[domain]
    with duckdb.connect(str(plan.home.warehouse), read_only=True) as connection:
        days = [
            str(c.as_of_date)
            for c in read_cohorts(connection, domain)
            if c.is_closed and is_on_grid(c.as_of_date, settings["grid"])
        ]
    found = {}
    for lead in leads:
        say(f"the same outcomes {lead} days earlier")
        with examples_before(plan.home, domain, lead, days) as connection:
            found[lead] = predict_early(
                connection,
                domain,
                tuple(recipe["features"]),
                settings,
                {**PARAMETERS, **recipe["tuned"]},
                rounds,
            )
    return quality_by_lead(found)


def show_evaluation(plan: Plan, domain: str, folder: Path) -> None:
    """Print what was found, every figure with its cohort and beside its baselines."""

    def read(table: str) -> list[dict[str, Any]]:
        path = folder / f"{table}.parquet"
        if not path.exists():
            return []
        with duckdb.connect() as connection:
            frame = connection.execute(f"from {quoted(path)}").df()
        rows: list[dict[str, Any]] = frame.to_dict("records")
        return rows

    quality = read("origin_metrics")
    for protocol in dict.fromkeys(row["protocol"] for row in quality):
        rows = [row for row in quality if row["protocol"] == protocol]
        words = "cohorts that no model saw" if protocol == ROLLING else f"protocol {protocol}"
        if protocol != ROLLING:
            words += f": {plan.entries[domain]['protocols'][protocol]['because']}"
        plan.console.print(_by_cohort(rows, f"{domain}: log loss (AUC), {words}"))
    plan.console.print(_calibrations(read("origin_calibrations"), domain))
    plan.console.print(_curve(read("learning_curve"), domain))
    if leads := read("lead_metrics"):
        plan.console.print(_leads(leads, domain))


def _by_cohort(rows: list[dict[str, Any]], title: str) -> Table:
    models = list(dict.fromkeys(row["model"] for row in rows))
    table = Table(title=title, title_justify="left")
    for column in ("cohort", "customers", *(MODELS.get(m, m) for m in models)):
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


def _calibrations(rows: list[dict[str, Any]], domain: str) -> Table:
    methods = list(dict.fromkeys(row["method"] for row in rows))
    table = Table(
        title=f"{domain}: gain in log loss of calibration maps over none, ± standard error; maps "
        "are fitted on the cohort before",
        title_justify="left",
        caption="* is what earlier cohorts alone chose.",
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
        "the newest cohorts learned from",
        title_justify="left",
        caption=f"Runs learn from cohorts since {since:%Y-%m-%d}"
        + (": earlier ones have too little history before them." if left_out else ", all of them."),
        caption_justify="left",
    )
    for column in ("cohorts", "since", "rows", "log loss", "what all would gain"):
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
        title=f"{domain}: what earliness costs, outcomes of {rows[0]['as_of_date']:%Y-%m-%d}",
        title_justify="left",
    )
    for column in ("days before", "population", "customers", "log loss", "base rate's", "AUC"):
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
