"""Nights of one period after another: the plan's compiled SQL on made customers, in memory.

Each night makes every model from who may be contacted to the decisions, as a build does, and keeps
the arms that it draws, as a publish does.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.project.domains import domain_entries
from pipeline.project.home import PROJECT
from pipeline.retention.assignments import DRAWN
from pipeline.retention.catalogue import CATALOGUE
from pipeline.warehouse.compiled_sql import compiled_model, placed, read_manifest

# Columns of a plan's settings that say whom it is for; null for everybody.
CHOICE = (
    "bands varchar, themes varchar, parts varchar, min_probability double, max_probability double, "
    "min_value double, due_from date, due_to date, is_at_risk boolean, "
    "already_cancelled boolean, actions varchar, channels varchar, draft_id varchar"
)

# What a night is given; everything downstream of it is compiled SQL.
GIVEN = {
    "fct_churn_scores": "run_id varchar, domain varchar, customer_id varchar, as_of_date date, "
    "due_on date, churn_probability double, risk_band varchar, is_at_risk boolean, "
    "already_cancelled boolean, customer_value double, leaving_cost double, is_live boolean, "
    "scored_at timestamp",
    "int_churn__live_runs_selected": "domain varchar, run_id varchar, as_of_date date",
    "int_churn__segments_selected": "domain varchar, customer_id varchar, segment varchar, "
    "segment_value_code varchar",
    "int_churn__reasons_picked": "domain varchar, customer_id varchar, theme_1 varchar, "
    "theme_2 varchar, theme_3 varchar, driver_group_1 varchar, driver_group_2 varchar, "
    "driver_group_3 varchar",
    "int_churn__action_conditions_met": "customer_number bigint, condition varchar",
    "int_churn__leave_alone_rules_matched": "domain varchar, customer_id varchar, rule varchar, "
    "because varchar",
    "int_churn__save_rates_learned": "domain varchar, action_id varchar, save_rate double, "
    "save_rate_error double, campaigns bigint, customers bigint",
    "stg_churn__suppressions": "domain varchar, customer_id varchar, suppression_reason varchar",
    "stg_churn__contacts": "domain varchar, customer_id varchar, contacted_on date, "
    "action_id varchar",
    "stg_churn__campaigns": "campaign_id varchar, domain varchar, campaign_name varchar, "
    "campaign_status varchar, as_of_date date, period_start date",
    "stg_churn__campaign_members": "campaign_id varchar, customer_id varchar, action_id varchar, "
    "channel varchar, spend_cents bigint",
    "stg_churn__campaign_messages": "campaign_id varchar, domain varchar, customer_id varchar, "
    "message_state varchar, ended_at timestamp",
    "stg_churn__saved_plans": "domain varchar, budget_cents bigint, holdout_per_mille bigint, "
    + CHOICE,
    "stg_churn__assignments": "domain varchar, period_start date, customer_id varchar, "
    "arm varchar, action_id varchar, holdout_per_mille bigint, as_of_date date, run_id varchar, "
    "planned_spend_cents bigint, planned_profit_cents bigint, assigned_at timestamp, "
    "primary key (domain, period_start, customer_id)",
}
TOPS = ("int_churn__assignments_drawn", "fct_churn_actions", "int_churn__plans_summarised")


def period_sql(home):
    """Model → compiled SQL, in the order in which they are made."""
    nodes = read_manifest(home)["nodes"]
    keys = {node["name"]: key for key, node in nodes.items() if node["resource_type"] != "test"}
    ordered = []

    def visit(key):
        if key in ordered or key not in nodes or nodes[key]["name"] in GIVEN:
            return
        for parent in nodes[key]["depends_on"].get("nodes", ()):
            visit(parent)
        ordered.append(key)

    for top in TOPS:
        visit(keys[top])
    local = {f"{schema}.{name}" for schema in ("churn", "seeds") for name in (*GIVEN, *keys)}
    return {nodes[key]["name"]: _select(nodes[key], local) for key in ordered}


def _select(node, local):
    if node["resource_type"] != "seed":
        return placed(compiled_model(node).sql, local)
    path = PROJECT / node["original_file_path"]
    casts = ", ".join(
        f"cast({name} as {kind}) as {name}" for name, kind in node["config"]["column_types"].items()
    )
    return f"select {casts} from read_csv('{path}', all_varchar = true)"


@dataclass
class Period:
    """The nights of a domain, from its first period on.

    Attributes:
        sql: From `period_sql`.
        domain: Domain; its entry, catalogue and capacities are the project's.
        customers: How many are scored.
        day: The night's cut-off.
    """

    sql: dict
    domain: str
    customers: int
    day: date
    budget: float = 400.0
    holdout: float | None = 0.2
    chance: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def __post_init__(self):
        self.connection = duckdb.connect(config={"threads": 1})
        for name, columns in GIVEN.items():
            self.connection.execute(f"create table {name} ({columns})")
        themes = [
            theme
            for (listed,) in self.connection.execute(
                f"select themes from read_csv('{CATALOGUE}') where domain = ?",
                [self.domain],
            ).fetchall()
            for theme in listed.split("|")
        ]
        self.ids = [f"c{number:05}" for number in range(self.customers)]
        names = sorted(set(themes))
        self.themes = [
            tuple(map(str, self.chance.choice(names, 3, replace=False))) for _ in self.ids
        ]
        self.probability = self.chance.uniform(0.05, 0.95, self.customers)
        self.value = self.chance.uniform(300, 4000, self.customers)
        self.out_of_scope = set()
        # every condition holds for everybody, so that no action is out of reach
        self.connection.execute(
            "insert into int_churn__action_conditions_met select distinct number, condition "
            f"from range(1, {self.customers + 1}) as numbers (number), "
            f"read_csv('{CATALOGUE}') where domain = ? and condition is not null",
            [self.domain],
        )
        self.settings = domain_entries()[self.domain].retention

    def score(self, *, run="first", moved=0.0):
        """Score everybody in scope; risks move by up to a share."""
        drift = 1 + self.chance.uniform(-moved, moved, self.customers) if moved else 1
        self.probability = np.clip(self.probability * drift, 0.01, 0.99)
        bands = np.select(
            [self.probability > limit for limit in (0.8, 0.6, 0.3)],
            ["critical", "high", "medium"],
            "low",
        )
        for name in ("fct_churn_scores", "int_churn__live_runs_selected"):
            self.connection.execute(f"truncate {name}")
        self.connection.execute("truncate int_churn__reasons_picked")
        self.connection.execute(
            "insert into int_churn__live_runs_selected values (?, ?, ?)",
            [self.domain, run, self.day],
        )
        here = [name not in self.out_of_scope for name in self.ids]
        first, second, third = zip(*self.themes, strict=True)
        made = pa.table(
            {
                "customer_id": self.ids,
                "probability": self.probability,
                "band": bands.tolist(),
                "value": self.value,
                **{"first": first, "second": second, "third": third},
            }
        ).filter(pa.array(here))
        self.connection.register("made", made)
        self.connection.execute(
            f"""
            insert into fct_churn_scores
            select '{run}', '{self.domain}', customer_id, date '{self.day}', null, probability,
                band, band in ('critical', 'high'), false, value, 0.6 * value, true,
                now()::timestamp
            from made;
            insert into int_churn__reasons_picked
            select '{self.domain}', customer_id, first, second, third, 'a', 'b', 'c' from made
            """
        )
        self.connection.unregister("made")

    def publish(self):
        """Plan, keep the arms that are drawn; return the decisions by customer."""
        self.connection.execute("truncate stg_churn__saved_plans")
        self.connection.execute(
            "insert into stg_churn__saved_plans (domain, budget_cents, holdout_per_mille) "
            "values (?, ?, ?)",
            [
                self.domain,
                round(100 * self.budget),
                None if self.holdout is None else round(1000 * self.holdout),
            ],
        )
        for name, sql in self.sql.items():
            self.connection.execute(f"create or replace table {name} as {sql}")
        columns = ", ".join(DRAWN)
        self.connection.execute(
            f"insert into stg_churn__assignments ({columns}, assigned_at) "
            f"select {columns}, now()::timestamp from int_churn__assignments_drawn "
            "on conflict do nothing"
        )
        return self.decisions()

    def decisions(self):
        """Return the rows of fct_churn_actions by customer."""
        found = self.connection.sql("from fct_churn_actions")
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
        decided = {row["customer_id"]: row for row in rows}
        assert len(decided) == len(rows), "a customer has two decisions"
        return decided

    def plan(self):
        """Return the row of int_churn__plans_summarised."""
        found = self.connection.sql(
            f"from int_churn__plans_summarised where domain = '{self.domain}'"
        )
        return dict(zip(found.columns, found.fetchall()[0], strict=True))

    def contact(self, contacts):
        """Report contacts: customer and action, on the night's day."""
        self.connection.executemany(
            "insert into stg_churn__contacts values (?, ?, ?, ?)",
            [(self.domain, customer, self.day, action) for customer, action in contacts],
        )

    def suppress(self, customer):
        """Suppress a customer."""
        self.connection.execute(
            "insert into stg_churn__suppressions values (?, ?, 'asked')", [self.domain, customer]
        )

    def next_day(self, days=1):
        """Go on to a later cut-off."""
        self.day += timedelta(days=days)


def treated(decisions):
    """Customer → action of those to be contacted."""
    return {
        customer: row["planned_action"]
        for customer, row in decisions.items()
        if row["decision"] == "treat"
    }


def held_out(decisions):
    """Customers of the control group who are left alone."""
    return {customer for customer, row in decisions.items() if row["decision"] == "hold_out"}


def arms(decisions):
    """Customer → arm."""
    return {customer: row["arm"] for customer, row in decisions.items() if row["arm"]}
