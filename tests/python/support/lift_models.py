"""The models of models/churn/campaigns over made members, in memory: as compiled, without dbt."""

import re

import duckdb
import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined

from pipeline.project.home import PROJECT

_MODELS = (
    "campaigns/int_churn__experiment_members_listed",
    "campaigns/int_churn__experiments_defined",
    "campaigns/int_churn__experiment_arms_totalled",
    "campaigns/int_churn__experiment_lifts_measured",
    "campaigns/int_churn__experiment_checks_made",
    "marts/fct_campaign_lift",
    "campaigns/int_churn__save_rates_learned",
)


# what the catalogue assumes of each action
PRIOR = {"call": (2, 18), "voucher": (3, 7)}


class _Dbt:
    """What a model uses of dbt's own macros."""

    type_string = staticmethod(lambda: "varchar")
    cast = staticmethod(lambda value, kind: f"cast({value} as {kind})")


def compiled(model, path=None):
    """The SQL of a model of models/churn, or of a file; a ref is the name of a table."""
    macros = "".join(one.read_text() for one in sorted((PROJECT / "macros/experiments").glob("*")))
    text = (path or PROJECT / f"models/churn/{model}.sql").read_text()
    environment = Environment(undefined=StrictUndefined, autoescape=False)
    return environment.from_string(macros + text).render(
        ref=str,
        config=lambda **_: "",
        dbt=_Dbt,
        add_days=lambda day, days: f"({day} + cast({days} as integer))",
        number_series=lambda first, last, name: (
            f"select cast(unnest(generate_series({first}, {last})) as bigint) as {name}"
        ),
    )


def measured(campaigns=None, quarters=None, catalogue=None):
    """A connection with the models built over members of campaigns, and of periods.

    Args:
        campaigns: Members of campaigns; none without them.
        quarters: Members of periods.
        catalogue: Rows of the seed's domain, action and Beta of the save rate; PRIOR without.
    """
    connection = duckdb.connect()
    connection.execute("set enable_progress_bar = false")
    made = {
        "int_churn__campaign_members_followed": campaign_rows() if campaigns is None else campaigns,
        "int_churn__period_arms_followed": quarter_rows() if quarters is None else quarters,
    }
    for name, frame in made.items():
        connection.register("made", frame)
        connection.execute(f"create table {name} as select * from made")
        connection.unregister("made")
    if catalogue is None:
        catalogue = [("shop", action, *beta) for action, beta in PRIOR.items()]
    connection.execute(
        "create table retention_actions "
        "(domain varchar, action_id varchar, save_alpha double, save_beta double)"
    )
    connection.executemany("insert into retention_actions values (?, ?, ?, ?)", catalogue)
    for model in _MODELS:
        build(connection, model)
    return connection


def build(connection, model, path=None):
    """Make the table of a model over those that it reads."""
    sql = re.sub(r"^\s*--.*$", "", compiled(model, path), flags=re.MULTILINE)
    connection.execute(f"create table {model.rpartition('/')[2]} as {sql}")


def campaign_rows(
    campaigns=0,
    customers=0,
    *,
    control=0.5,
    drawn=None,
    stay=0.7,
    effect=0.0,
    seed=1,
    known=True,
    **more,
):
    """Members of campaigns whose arms are drawn at random.

    Args:
        campaigns: How many.
        customers: Of each.
        control: Share that was to be held out.
        drawn: Share that is; as it was to be without it.
        stay: Share that stays without a contact.
        effect: By how much a contact raises it.
        seed: Of the draws.
        known: Whether outcomes are known.
        more: Other columns, instead of those made.
    """
    rng = np.random.default_rng(seed)
    rows = campaigns * customers
    campaign = np.repeat(np.arange(campaigns), customers)
    held_out = rng.random(rows) < (control if drawn is None else drawn)
    stays = rng.random(rows) < stay + np.where(held_out, 0, effect)
    values = {
        "campaign_id": pd.Series(campaign, dtype="int64").map("c{}".format).astype("str"),
        "domain": "shop",
        "customer_id": np.tile(np.arange(customers), campaigns).astype("str"),
        "as_of_date": pd.Timestamp("2020-01-01").date(),
        "arm": np.where(held_out, "control", "treat"),
        "stratum": "all",
        "holdout_per_mille": round(1000 * control),
        "action_id": rng.choice(["call", "voucher"], rows),
        "risk_band": rng.choice(["critical", "high", "low"], rows),
        "churn_probability": rng.beta(2, 5, rows),
        "customer_value": rng.gamma(2, 50, rows),
        "is_delivered": ~held_out,
        "closes_on": pd.Timestamp("2020-02-01").date(),
        "is_closed": known,
        "is_churned": ~stays,
        "revenue_cents": np.where(stays, rng.integers(0, 10_000, rows), 0),
        "revenue_before_cents": rng.integers(0, 10_000, rows),
        **more,
    }
    return pd.DataFrame(values)


def quarter_rows(quarters=0, periods=3, customers=0, *, control=0.2, stay=0.6, effect=0.0, seed=1):
    """Members of the periods of quarters, each period with a draw of its own."""
    rng = np.random.default_rng(seed)
    rows = quarters * periods * customers
    quarter = np.repeat(np.arange(quarters), periods * customers)
    period = np.tile(np.repeat(np.arange(periods), customers), quarters)
    held_out = rng.random(rows) < control
    stays = rng.random(rows) < stay - 0.1 * period + np.where(held_out, 0, effect)
    first = np.datetime64("1800-01", "M") + 3 * quarter
    return pd.DataFrame(
        {
            "domain": "shop",
            "period_start": (first + period).astype("datetime64[D]").astype("datetime64[s]"),
            "quarter_start": first.astype("datetime64[D]").astype("datetime64[s]"),
            "customer_id": np.tile(np.arange(customers), quarters * periods).astype("str"),
            "arm": np.where(held_out, "control", "treat"),
            "holdout_per_mille": round(1000 * control),
            "stratum": pd.Series(period, dtype="int64").map("period {}".format).astype("str"),
            "run_id": "run",
            "as_of_date": (first + period).astype("datetime64[D]").astype("datetime64[s]"),
            "planned_spend_cents": 100,
            "is_churned": ~stays,
            "revenue_cents": np.where(stays, 1000, 0),
        }
    )
