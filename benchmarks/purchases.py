"""`python -m benchmarks.purchases`: compares the models with BG/NBD on the tested cohorts."""

import sys
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
from rich.table import Table
from sklearn.metrics import roc_auc_score

from benchmarks.bg_nbd import BgNbd, Histories
from cli.common import console, show_error
from ml.metrics import losses
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home, home
from pipeline.publish.generation import current
from pipeline.report.run import model_term
from pipeline.runs.registry import live_run, settings_of

DOMAIN = "ecommerce"


@dataclass(frozen=True)
class Compared:
    """One model on one unseen cohort."""

    as_of_date: date
    customers: int
    model: str
    log_loss: float
    auc: float


def compare(where: Home) -> list[Compared]:
    """Return every model on every tested cohort, best log loss first within a cohort.

    The cohorts are those of `churn evaluate`, or before it has run the live run's test cohort.
    BG/NBD is fitted on every customer's order days before each cut-off, as far back as the
    features reach, and predicts the same cohort as the other models.

    Raises:
        ChurnError: Nothing is published, or the warehouse does not hold the live run's cohorts.
    """
    generation = current(where)
    if generation is None:
        raise ChurnError("Nothing is published yet.", hint=f"Run `churn run --domain {DOMAIN}`.")
    with duckdb.connect(str(generation.path), read_only=True) as published:
        rows = published.execute(
            """
            with judged as (
                select as_of_date, model, metric, value, rows
                from serving.bi_model_quality_by_origin
                where domain = $domain and protocol = 'rolling origins'
                union
                select as_of_date, model, metric, value, rows
                from serving.bi_model_quality where domain = $domain and split = 'test'
            )
            select as_of_date, max(rows), model,
                max(value) filter (metric = 'log_loss'), max(value) filter (metric = 'auc')
            from judged group by as_of_date, model order by as_of_date
            """,
            {"domain": DOMAIN},
        ).fetchall()
    found = [Compared(*row) for row in rows]
    for day, customers in dict.fromkeys((row.as_of_date, row.customers) for row in found):
        found.append(Compared(day, customers, "bg_nbd", *_bg_nbd(where, day)))
    return sorted(found, key=lambda row: (row.as_of_date, row.log_loss))


def _bg_nbd(where: Home, cut_off: object) -> tuple[float, float]:
    horizon = settings_of(live_run(where, DOMAIN)).horizon_days
    with duckdb.connect(str(where.warehouse), read_only=True) as warehouse:
        rows = warehouse.execute(
            """
            select
                count(distinct orders.ordered_on) - 1,
                max(orders.ordered_on) - min(orders.ordered_on),
                cast(? as date) - min(orders.ordered_on),
                cast(max(examples.is_churned) as double)
            from no_contract.int_no_contract__orders_placed as orders
            left join ecommerce.ecommerce__churn_examples as examples
                on orders.customer_id = examples.customer_id and examples.as_of_date = ?
            where orders.domain = 'ecommerce' and orders.ordered_on < ?
            group by orders.customer_id
            """,
            [cut_off] * 3,
        ).fetchnumpy()
    repeats, last, age, churned = (np.ma.filled(c.astype(float), np.nan) for c in rows.values())
    everybody = Histories(repeats, last, age)
    cohort = ~np.isnan(churned)
    if horizon is None or not cohort.any():
        raise ChurnError(
            f"The warehouse does not hold the cohort of {cut_off}.", hint="Run `churn publish`."
        )
    model = BgNbd.fit(everybody)
    members = Histories(repeats[cohort], last[cohort], age[cohort])
    outcome, none = churned[cohort], model.probability_of_none(members, horizon)
    expected = model.expected_purchases(members, horizon)
    return float(losses(outcome, none).mean()), float(roc_auc_score(outcome, -expected))


def main() -> None:
    """Print the table; a ChurnError becomes a message and an exit code."""
    try:
        rows = compare(home())
    except ChurnError as error:
        show_error(error)
        sys.exit(error.exit_code)
    table = Table(
        title=f"{DOMAIN}: cohorts that no model saw, BG/NBD beside the others", title_justify="left"
    )
    for title in ("cohort", "customers", "", "log loss", "AUC"):
        table.add_column(title, justify="left" if title in ("cohort", "") else "right")
    before = None
    for row in rows:
        if before not in (None, row.as_of_date):
            table.add_section()
        before = row.as_of_date
        table.add_row(
            str(row.as_of_date),
            f"{row.customers:,}",
            "BG/NBD" if row.model == "bg_nbd" else model_term(row.model),
            f"{row.log_loss:.4f}",
            f"{row.auc:.4f}",
        )
    console.print(table)


if __name__ == "__main__":
    main()
