"""Scores, reasons and actions for rows of examples in memory.

Words and money come from the compiled SQL of the published build; this module passes the model's
numbers to that SQL.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from ml.bands import AT_RISK, assign_bands
from ml.contract import SPINE, Examples
from ml.explain.drivers import FEW, drivers
from ml.score import TOLERANCE, reason_rows
from ml.train import PARAMETERS
from pipeline.project.duck import rows_of
from pipeline.realtime.bundle import load_bundle, read_rules
from pipeline.realtime.leaving_costs import LeavingCosts
from pipeline.realtime.model import LiveModel, PublishedLevel
from pipeline.realtime.published_plan import PublishedDecision, PublishedPlan
from pipeline.retention.overlay import OF_AN_ACTION
from pipeline.warehouse.compiled_sql import CompiledModel, as_statement, json_literal

Record = dict[str, Any]

# Relations of the compiled SQL whose rows come with a request, as JSON instead of tables.
_BROUGHT: dict[str, tuple[str, tuple[str, ...]]] = {
    "reasons": (
        "churn.stg_churn__reasons",
        (
            "run_id",
            "domain",
            "customer_id",
            "as_of_date",
            "rank",
            "driver_group",
            "feature",
            "contribution_log_odds",
            "value",
            "usual_value",
        ),
    ),
    "scores": (
        "churn.fct_churn_scores",
        (
            "run_id",
            "domain",
            "customer_id",
            "as_of_date",
            "due_on",
            "margin",
            "churn_probability",
            "risk_band",
            "customer_value",
            "leaving_cost",
            "is_at_risk",
            "already_cancelled",
            "is_live",
            "scored_at",
        ),
    ),
    "suppressions": (
        "churn.stg_churn__suppressions",
        ("domain", "customer_id", "suppression_reason"),
    ),
    "contacts": (
        "churn.stg_churn__contacts",
        ("domain", "customer_id", "contacted_on", "action_id"),
    ),
    "assignments": (
        "churn.stg_churn__assignments",
        (
            "domain",
            "period_start",
            "customer_id",
            "arm",
            "action_id",
            "planned_spend_cents",
            "planned_profit_cents",
        ),
    ),
}
_REASON = (
    "rank",
    "group_title",
    "theme",
    "direction",
    "strength",
    "is_actionable",
    "is_typical",
    "sentence",
    "feature",
    "value",
    "usual_value",
    "contribution_log_odds",
)

# Actions are chosen from the worded reasons.
_REASONS = CompiledModel(
    "churn.fct_churn_reasons",
    'select * from "warehouse"."churn"."int_churn__reasons_worded"',
    is_table=False,
)
# One request has no competing customers, so the unconstrained best action is used if its profit
# is positive.
_ALLOCATED = CompiledModel(
    "churn.int_churn__actions_allocated",
    """
select domain, customer_number, action_id, channel, spend_cents, profit_cents
from "warehouse"."churn"."int_churn__best_actions_picked"
where profit_cents > 0
""",
    is_table=False,
)
# No one is drawn: that is done among the customers of a plan. Its control group stays.
_DRAWN = CompiledModel(
    "churn.int_churn__arms_assigned",
    """
select domain, customer_number, action_id, cast(null as varchar) as arm, spend_cents, profit_cents
from "warehouse"."churn"."int_churn__actions_allocated"
union all
select
    domain, customer_number, action_id, arm,
    planned_spend_cents as spend_cents, planned_profit_cents as profit_cents
from "warehouse"."churn"."int_churn__assignments_kept"
where is_held_out
""",
    is_table=False,
)
# Why the published plan leaves a customer whom one request would treat.
_BY_PLAN = ("beyond_budget", "in_campaign")
# What the compiled SQL of decisions results in.
_ACTIONS = "churn.fct_churn_actions"
# Columns of an example, other than features, that rules may read.
_EXAMPLE = ("domain", "customer_id", "as_of_date", "due_on", "customer_value")
_FEATURE = re.compile(r"\b[a-z0-9]+__\w+")


@dataclass(frozen=True)
class Scored:
    """The answer for one customer of the cohort.

    Attributes:
        customer_id: Customer.
        due_on: When the decision is due as known at the cut-off.
        customer_value: Value, in the domain's currency.
        leaving_cost: What it costs if the customer leaves, over `leaving_cost_days`; None where it
            could not be measured.
        leaving_cost_days: Days over which it was measured.
        already_cancelled: Whether the customer has cancelled; None in domains without
            cancellation.
        margin: Log-odds before calibration, on the level of the cohort.
        churn_probability: Probability.
        risk_band: Band.
        reasons: Rows of fct_churn_reasons, largest first.
        action: Row of fct_churn_actions for this customer, with the plan's shadow prices. What only
            a plan decides is as published: the control group, and whom its budget does not reach.
        features: Feature → value, in the order of the mart.
    """

    customer_id: str
    due_on: date | None
    customer_value: float | None
    leaving_cost: float | None
    leaving_cost_days: int | None
    already_cancelled: bool | None
    margin: float
    churn_probability: float
    risk_band: str
    reasons: list[Record]
    action: Record
    features: dict[str, float | int | bool | None]


@dataclass
class ContactDecisions:
    """People's decisions about customers: rows of the state, JSON-ready.

    Attributes:
        suppressions: Rows of `stg_churn__suppressions`.
        contacts: Rows of `stg_churn__contacts`.
    """

    suppressions: list[Record] = field(default_factory=list)
    contacts: list[Record] = field(default_factory=list)


@dataclass(frozen=True)
class Prices:
    """Shadow prices of the published plan, in millionths of a cent.

    Attributes:
        budget: Per cent of budget; None without a plan.
        channels: Channel → per contact; only scarce channels.
    """

    budget: int | None
    channels: dict[str, int]

    def charged(self, action: Record) -> Record:
        """Return the shadow prices of an action, a row of fct_churn_actions, in the currency."""
        contact = self.channels.get(action["channel"], 0)
        profit, spend = action["expected_profit"], action["expected_spend"]
        left = None
        if profit is not None and self.budget is not None:
            left = 10_000 * profit - self.budget * spend / 100 - contact / 10_000
        return {
            "plan_marginal_profit": None if self.budget is None else self.budget / 1_000_000,
            "plan_contact_price": contact / 100_000_000,
            "is_within_plan": None if left is None else left > 0,
        }


def _as_published(action: Record, published: PublishedDecision | None, prices: Prices) -> Record:
    """Return an action as the published plan lets it stand, with the plan's prices."""
    row = action | {"published_decision": published.decision if published else None}
    if published is None:
        return row | prices.charged(row)
    row["arm"] = published.arm
    if row["decision"] == "treat" and published.reason in _BY_PLAN:
        row |= {
            "decision": published.decision,
            "reason": published.reason,
            "reason_words": published.reason_words,
        }
    if row["decision"] != "treat":
        row |= dict.fromkeys(OF_AN_ACTION)
    is_planned = (
        row["decision"] == published.decision == "treat"
        and row["planned_action"] == published.planned_action
    )
    return row | prices.charged(row) | {"is_within_plan": is_planned}


def _read_prices(connection: duckdb.DuckDBPyConnection, domain: str) -> Prices:
    budget = connection.execute(
        "select price_micro_cents from churn.int_churn__budget_shadow_prices_derived "
        "where domain = ?",
        [domain],
    ).fetchone()
    channels = connection.execute(
        "select channel, price_micro_cents from churn.int_churn__channel_shadow_prices_picked "
        "where domain = ?",
        [domain],
    ).fetchall()
    return Prices(budget[0] if budget else None, dict(channels))


def open_answering(
    connection: duckdb.DuckDBPyConnection, generation: Path, model: LiveModel
) -> None:
    """Create everything that scoring needs in an in-memory database, once.

    Args:
        connection: The database.
        generation: The generation's DuckDB file.
        model: The live model; features that the build's examples lack are added to them.

    Raises:
        NotReadyError: The generation is older than bundles.
    """
    # rows change under prepared statements, so plans must not depend on statistics of the rows
    connection.execute("set disabled_optimizers = 'statistics_propagation'")
    connection.execute("set timezone = 'UTC'")
    connection.execute("set enable_progress_bar = false")
    connection.execute("create schema if not exists lake")
    load_bundle(connection, generation, model.domain)
    # requests have rows of one domain only; empty views of the others are optimised away
    for (other,) in connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where ends_with(table_name, '__churn_examples') and schema_name != ?",
        [model.domain],
    ).fetchall():
        connection.execute(f"alter table {other} rename to shape")
        schema = other.partition(".")[0]
        connection.execute(f"create view {other} as from {schema}.shape where false")
    # requests insert a row with their cut-off; the published rows stay unchanged
    connection.execute(
        "create schema published; create table published.runs_live as "
        f"from churn.int_churn__live_runs_selected where domain = '{model.domain}'; "
        "truncate churn.int_churn__live_runs_selected"
    )


def add_features(
    connection: duckdb.DuckDBPyConnection, model: LiveModel, described: dict[str, str]
) -> tuple[str, ...]:
    """Add features that only the run's SQL has to the examples; return all, the mart's first.

    Args:
        connection: The database.
        model: The live model.
        described: Column → type of the stack's last view.
    """
    mart = f"{model.domain}.{model.domain}__churn_examples"
    there = [row[0] for row in connection.execute(f"describe {mart}").fetchall()]
    for name, kind in described.items():
        if "__" in name and name not in there:
            connection.execute(f'alter table {mart} add column "{name}" {kind}')
    names = [name for name in there if name in described and name not in SPINE]
    return tuple(names + [n for n in described if "__" in n and n not in there])


class Scorer:
    """One cursor with its prepared statements; answers one request at a time.

    Args:
        connection: A cursor of a database on which `open_answering` ran.
        generation: The generation's DuckDB file.
        model: The live model.
        features: Features in the order of the mart, from `add_features`.
        level: The level that scores are put on; None where levels are not forecast.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        generation: Path,
        model: LiveModel,
        features: tuple[str, ...],
        level: PublishedLevel | None = None,
    ) -> None:
        self.level = level
        self.connection = connection
        self._model = model
        self._features = features
        groups = dict(
            connection.execute(
                "select feature, driver_group from churn.int_churn__features_described "
                "where domain = ?",
                [model.domain],
            ).fetchall()
        )
        # a feature that today's YAML does not describe is its own group
        self._groups = [groups.get(name, name) for name in model.recipe.features]
        worded, decided = read_rules(generation, model.domain)
        before = [model for model in decided if model.relation != _ACTIONS]
        result = [model for model in decided if model.relation == _ACTIONS]
        # rules read few of a hundred features, and each column costs time, filled or not
        named = set(_FEATURE.findall(" ".join(view.sql for view in decided).lower()))
        self._ruled = [name for name in features if name in named]
        mart = f"{model.domain}.{model.domain}__churn_examples"
        brought = [*_BROUGHT.values(), (mart, (*_EXAMPLE, *self._ruled))]
        views = [_from_json(connection, at, *one) for at, one in enumerate(brought, start=1)]
        connection.execute(f"prepare word as {as_statement([views[0], *worded])}")
        connection.execute(
            "prepare decide as "
            + as_statement([*views, *worded, _REASONS, *before, _ALLOCATED, _DRAWN, *result])
        )
        self._prices = _read_prices(connection, model.domain)
        self._costs = LeavingCosts.read(connection, model.domain)
        self._plan = PublishedPlan(generation, model.domain)

    def set_cut_off(self, cut_off: date) -> None:
        """Set the scored cut-off, which the rules read beside the run."""
        self.connection.execute("delete from churn.int_churn__live_runs_selected")
        self.connection.execute(
            "insert into churn.int_churn__live_runs_selected "
            f"select * replace (date '{cut_off}' as as_of_date) from published.runs_live"
        )

    def select_features(self, rows: str) -> str:
        """Return SQL for the input of `score`.

        Args:
            rows: Select of customers with their features.
        """
        listed = ", ".join(f'"{name}"' for name in self._features)
        return f"select customer_id, due_on, customer_value, {listed} from ({rows})"

    def score(
        self, rows: Sequence[tuple[Any, ...]], cut_off: date, guarded: ContactDecisions
    ) -> list[Scored]:
        """Score customers.

        Args:
            rows: Result of the statement of `select_features`.
            cut_off: The cut-off of the rows, as passed to `set_cut_off`.
            guarded: People's decisions about these customers.

        Raises:
            ArithmeticError: The drivers do not add up to the margin.
        """
        model, recipe = self._model, self._model.recipe
        if not rows:
            return []
        rows = sorted(rows, key=itemgetter(0))
        used = self._examples(rows, cut_off).keep(recipe.features)
        # one thread for few rows: waking a second one takes longer than their trees
        threads = 1 if len(rows) <= FEW else PARAMETERS["num_threads"]
        margins = np.asarray(
            model.booster.predict(used.values, raw_score=True, num_threads=threads)
        )
        contributions, base = drivers(model.booster, used.values)
        worst = float(np.abs(margins - base - contributions.sum(axis=1)).max())
        if worst > TOLERANCE:
            raise ArithmeticError(f"drivers miss the margin by up to {worst:.2g}")
        if self.level is not None:
            margins = margins + self.level.offset
        probability = model.calibration.apply(margins)
        bands = assign_bands(probability, recipe.bands)

        published = self._plan.about([row[0] for row in rows])
        assignments = [
            one.as_assignment(model.domain) for one in published.values() if one.decision != "leave"
        ]
        reasons = json_literal(self._reasons(used, contributions, cut_off))
        brought = ", ".join(
            [
                reasons,
                json_literal(self._scores(rows, cut_off, margins, probability, bands)),
                json_literal(guarded.suppressions),
                json_literal(guarded.contacts),
                json_literal(assignments),
                json_literal(self._ruled_rows(rows, cut_off)),
            ]
        )
        worded = sorted(self._read(f"execute word({reasons})"), key=itemgetter("rank"))
        actions = {
            row["customer_id"]: _as_published(row, published.get(row["customer_id"]), self._prices)
            for row in self._read(f"execute decide({brought})")
        }
        by_customer: dict[str, list[Record]] = {}
        for reason in worded:
            by_customer.setdefault(reason["customer_id"], []).append(
                {name: reason[name] for name in _REASON}
            )
        cancelled = model.settings.already_cancelled
        found = []
        for place, (customer, due_on, worth, *values) in enumerate(rows):
            features = dict(zip(self._features, values, strict=True))
            found.append(
                Scored(
                    customer_id=customer,
                    due_on=due_on,
                    customer_value=worth,
                    leaving_cost=self._costs.of(worth),
                    leaving_cost_days=self._costs.days,
                    already_cancelled=features.get(cancelled) if cancelled else None,
                    margin=float(margins[place]),
                    churn_probability=float(probability[place]),
                    risk_band=str(bands[place]),
                    reasons=by_customer[customer],
                    action=actions[customer],
                    features=features,
                )
            )
        return found

    def _examples(self, rows: Sequence[tuple[Any, ...]], cut_off: date) -> Examples:
        values = np.array(
            [[np.nan if cell is None else cell for cell in row[3:]] for row in rows],
            dtype=np.float64,
        ).reshape(len(rows), len(self._features))
        return Examples(
            domain=self._model.domain,
            customer_id=np.array([row[0] for row in rows], dtype=object),
            as_of_date=np.full(len(rows), np.datetime64(cut_off, "D")),
            is_churned=np.full(len(rows), np.nan),
            features=self._features,
            values=values,
            is_boolean=np.zeros(len(self._features), dtype=bool),
        )

    def _ruled_rows(self, rows: Sequence[tuple[Any, ...]], cut_off: date) -> list[Record]:
        ruled = [(name, 3 + self._features.index(name)) for name in self._ruled]
        return [
            {
                "domain": self._model.domain,
                "customer_id": row[0],
                "as_of_date": str(cut_off),
                "due_on": None if row[1] is None else str(row[1]),
                "customer_value": row[2],
                **{name: row[at] for name, at in ruled},
            }
            for row in rows
        ]

    def _scores(
        self,
        rows: Sequence[tuple[Any, ...]],
        cut_off: date,
        margins: Iterable[float],
        probability: Iterable[float],
        bands: Iterable[str],
    ) -> list[Record]:
        now = datetime.now(UTC).replace(tzinfo=None).isoformat()
        lineage = {"run_id": self._model.run_id, "domain": self._model.domain}
        return [
            {
                **lineage,
                "customer_id": row[0],
                "as_of_date": str(cut_off),
                "due_on": None if row[1] is None else str(row[1]),
                "margin": float(score),
                "churn_probability": float(chance),
                "risk_band": str(band),
                "customer_value": row[2],
                "leaving_cost": self._costs.of(row[2]),
                "is_at_risk": band in AT_RISK and not self._is_cancelled(row),
                "already_cancelled": self._is_cancelled(row),
                "is_live": True,
                "scored_at": now,
            }
            for row, score, chance, band in zip(rows, margins, probability, bands, strict=True)
        ]

    def _is_cancelled(self, row: Sequence[Any]) -> bool:
        name = self._model.settings.already_cancelled
        return name in self._features and bool(row[3 + self._features.index(name)])

    def _reasons(self, used: Examples, contributions: Any, cut_off: date) -> list[Record]:
        offset = None if self.level is None else self.level.offset
        columns = reason_rows(used, contributions, self._groups, self._model.recipe, offset)
        columns = {
            "run_id": self._model.run_id,
            "domain": self._model.domain,
            **columns,
            "as_of_date": str(cut_off),
        }
        count = len(columns["rank"])
        lists = [
            [value] * count if isinstance(value, str) else _plain(value)
            for value in columns.values()
        ]
        return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]

    def _read(self, sql: str) -> list[Record]:
        return rows_of(self.connection.execute(sql))


def _from_json(
    connection: duckdb.DuckDBPyConnection, place: int, relation: str, columns: Sequence[str]
) -> CompiledModel:
    """A relation whose rows are the JSON text of a statement's parameter, numbered from 1."""
    described = connection.execute(f"describe {relation}").fetchall()
    types = {column: kind for column, kind, *_ in described}
    shape = json.dumps([{column: types[column] for column in columns}])
    return CompiledModel(
        relation,
        f"select unnest(from_json(cast(${place} as varchar), '{shape}'), max_depth := 2)",
        is_table=False,
    )


def _plain(values: Any) -> list[Any]:
    """A column for JSON, with None for missing values."""
    if hasattr(values, "to_numpy"):
        values = values.to_numpy(dtype=float, na_value=np.nan)
    return [None if value != value else value for value in np.asarray(values).tolist()]
