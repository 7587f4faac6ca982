"""`python -m pipeline.bench.purchases`: the live run's test cohort beside BG/NBD, in one table."""

import json
import sys

import duckdb
import numpy as np
from rich.table import Table
from sklearn.metrics import roc_auc_score

from ml.metrics import losses
from pipeline.bench.bg_nbd import BgNbd, Histories
from pipeline.cli import console, show_error
from pipeline.errors import ChurnError
from pipeline.models import live_run
from pipeline.publish import current
from pipeline.report import MODELS
from pipeline.settings import Home, home

DOMAIN = "ecommerce"
METRICS = ("log_loss", "auc")


def compare(where: Home) -> list[tuple[str, float, float]]:
    """Return model, log loss and AUC on the test cohort, best log loss first.

    BG/NBD is fitted on every customer's order days before the test cut-off, as far back as the
    features reach, and predicts the cohort the other models were tested on.

    Raises:
        ChurnError: Nothing is published, or the warehouse does not hold the live run's cohorts.
    """
    generation = current(where)
    if generation is None:
        raise ChurnError("Nothing is published yet.", hint=f"Run `churn run --domain {DOMAIN}`.")
    with duckdb.connect(str(generation.path), read_only=True) as published:
        rows = published.execute(
            "select model, metric, value, as_of_date from serving.bi_model_quality "
            "where domain = ? and split = 'test' and metric in ('log_loss', 'auc')",
            [DOMAIN],
        ).fetchall()
    found = {(model, metric): value for model, metric, value, _ in rows}
    compared = {model: tuple(found[model, name] for name in METRICS) for model, _ in found}
    compared["bg_nbd"] = _bg_nbd(where, rows[0][3])
    return sorted(((m, *v) for m, v in compared.items()), key=lambda row: row[1])


def _bg_nbd(where: Home, cut_off: object) -> tuple[float, float]:
    settings = duckdb.sql(
        f"select settings from '{live_run(where, DOMAIN) / 'runs.parquet'}'"
    ).fetchone()
    with duckdb.connect(str(where.warehouse), read_only=True) as warehouse:
        rows = warehouse.execute(
            """
            select
                count(distinct orders.ordered_on) - 1,
                max(orders.ordered_on) - min(orders.ordered_on),
                cast(? as date) - min(orders.ordered_on),
                cast(max(examples.is_churned) as double)
            from ecommerce.int_ecommerce__orders_placed as orders
            left join ecommerce.ecommerce__churn_examples as examples
                on orders.customer_id = examples.customer_id and examples.as_of_date = ?
            where orders.ordered_on < ?
            group by orders.customer_id
            """,
            [cut_off] * 3,
        ).fetchnumpy()
    repeats, last, age, churned = (np.ma.filled(c.astype(float), np.nan) for c in rows.values())
    everybody = Histories(repeats, last, age)
    cohort = ~np.isnan(churned)
    if settings is None or not cohort.any():
        raise ChurnError(
            f"The warehouse does not hold the cohort of {cut_off}.", hint="Run `churn publish`."
        )
    horizon = int(json.loads(settings[0])["horizon_days"])
    model = BgNbd.fit(everybody)
    members = Histories(repeats[cohort], last[cohort], age[cohort])
    outcome, none = churned[cohort], model.probability_of_none(members, horizon)
    expected = model.expected_purchases(members, horizon)
    return float(losses(outcome, none).mean()), float(roc_auc_score(outcome, -expected))


def main() -> None:
    """Print the table; a ChurnError becomes words and an exit code."""
    try:
        rows = compare(home())
    except ChurnError as error:
        show_error(error)
        sys.exit(error.exit_code)
    table = Table(title=f"{DOMAIN}: the test cohort, BG/NBD beside it", title_justify="left")
    table.add_column("")
    for title in ("log loss", "AUC"):
        table.add_column(title, justify="right")
    for model, log_loss, auc in rows:
        table.add_row(MODELS.get(model, "BG/NBD"), f"{log_loss:.4f}", f"{auc:.4f}")
    console.print(table)


if __name__ == "__main__":
    main()
