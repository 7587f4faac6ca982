"""Who was contacted, in memory: the models of models/churn/contacts over made rows, without dbt."""

import re
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined

from ml.contact_spans import read_contact_spans
from ml.contacted import SCHEMA, TABLE, read_contacted
from ml.contract import Examples
from pipeline.project.home import PROJECT

MODELS = (
    "int_churn__arms_spanned",
    "int_churn__contacts_matched",
    "int_churn__contact_spans_derived",
    TABLE,
)
_COLUMNS = {
    "int_churn__examples_unioned": {
        "domain": "varchar",
        "customer_id": "varchar",
        "as_of_date": "date",
        "label_known_on": "date",
        "is_churned": "boolean",
    },
    "stg_churn__assignments": {
        "domain": "varchar",
        "period_start": "date",
        "customer_id": "varchar",
        "arm": "varchar",
        "action_id": "varchar",
        "holdout_per_mille": "bigint",
        "as_of_date": "date",
    },
    "stg_churn__contacts": {
        "domain": "varchar",
        "customer_id": "varchar",
        "contacted_on": "date",
        "action_id": "varchar",
    },
    "stg_churn__campaigns": {"campaign_id": "varchar", "period_start": "date"},
    "stg_churn__campaign_messages": {
        "campaign_id": "varchar",
        "domain": "varchar",
        "customer_id": "varchar",
        "message_state": "varchar",
        "ended_at": "timestamp",
    },
}
PERIOD = 28


def contacted_rows(**tables):
    """The rows of the relation, over tables given without their prefixes: lists of tuples."""
    with duckdb.connect() as connection:
        _make(connection, tables)
        return connection.execute(
            f"select customer_id, cast(as_of_date as varchar), is_contacted, weight, reason "
            f"from {SCHEMA}.{TABLE} order by all"
        ).fetchall()


def contacted(**tables):
    """What the ML step reads of these rows."""
    with duckdb.connect() as connection:
        _make(connection, tables)
        return read_contacted(connection, "shop")


def contact_spans(**tables):
    """The spans of days of these rows, as the ML step reads them."""
    with duckdb.connect() as connection:
        _make(connection, tables)
        return read_contact_spans(connection, "shop")


def _make(connection, tables):
    for name, columns in _COLUMNS.items():
        given = tables.get(name.rpartition("__")[2], [])
        connection.execute(
            f"create table {name} ({', '.join(f'{c} {kind}' for c, kind in columns.items())})"
        )
        if len(given):
            frame = pd.DataFrame(given, columns=list(columns))
            connection.register("given", frame)
            connection.execute(f"insert into {name} select * from given")
            connection.unregister("given")
    entry = {"shop": {"retention": {"period_days": PERIOD}}}
    connection.execute(f"create schema {SCHEMA}")
    connection.execute(f"set search_path = 'main,{SCHEMA}'")
    for model in MODELS:
        files = ("macros/plan/period_days.sql", f"models/churn/contacts/{model}.sql")
        text = "\n".join((PROJECT / file).read_text() for file in files)
        sql = (
            Environment(undefined=StrictUndefined, autoescape=False)
            .from_string(text)
            .render(
                ref=str,
                config=lambda **_: "",
                var=lambda _: entry,
                add_days=lambda day, days: f"({day} + cast({days} as integer))",
            )
        )
        sql = re.sub(r"^\s*--.*$", "", sql, flags=re.MULTILINE)
        connection.execute(f"create table {SCHEMA}.{model} as {sql}")


FIRST = date(2020, 1, 6)


class ContactWorld:
    """Cohorts whose riskier half a plan contacts, but for those it holds out.

    Attributes:
        examples: Rows with the outcomes that came.
        untreated: What each customer would have done without any contact.
        is_risky: Whether the plan chose the customer.
        contacted: What the ML step reads of who was contacted.
    """

    def __init__(
        self, cohorts=10, customers=1500, *, saves=0.6, holdout=0.3, acted=True, plan=True, seed=1
    ):
        """Draw a world; without `plan` somebody contacts the risky and no arm is known."""
        rng = np.random.default_rng(seed)
        rows = cohorts * customers
        days = [FIRST + timedelta(days=PERIOD * number) for number in range(cohorts)]
        cohort = np.repeat(np.arange(cohorts), customers)
        values = rng.normal(size=(rows, 3))
        risk = 1 / (1 + np.exp(0.4 - 1.5 * values[:, 0]))
        self.is_risky = values[:, 0] > 0
        self.untreated = rng.random(rows) < risk
        held_out = rng.random(rows) < holdout
        reached = self.is_risky & ~held_out & acted
        came = self.untreated & ~(reached & (rng.random(rows) < saves))
        ids = np.array([f"c{number:06d}" for number in range(rows)], dtype=object)
        as_of = np.array(days, dtype="datetime64[D]")[cohort]
        order = np.lexsort((as_of, ids))
        assert (order == np.arange(rows)).all()
        self.examples = Examples(
            domain="shop",
            customer_id=ids,
            as_of_date=as_of,
            is_churned=came.astype(float),
            features=("use__a", "use__b", "use__c"),
            values=values,
            is_boolean=np.zeros(3, dtype=bool),
        )
        later = timedelta(days=PERIOD)
        self.tables = {
            "examples_unioned": [
                ("shop", one, days[k], days[k] + later, bool(left))
                for one, k, left in zip(ids, cohort, came, strict=True)
            ],
            "assignments": [
                (
                    "shop",
                    days[k],
                    one,
                    "control" if out else "treat",
                    "call",
                    1000 * holdout,
                    days[k],
                )
                for one, k, out, risky in zip(ids, cohort, held_out, self.is_risky, strict=True)
                if risky
            ]
            if plan
            else [],
            "contacts": [
                ("shop", one, days[k] + timedelta(days=3), "")
                for one, k, was in zip(ids, cohort, reached, strict=True)
                if was
            ],
        }
        self.contacted = contacted(**self.tables)
        self.days = [np.datetime64(day) for day in days]
