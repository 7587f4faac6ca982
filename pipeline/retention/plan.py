"""Computes retention plans with other settings, by the SQL of the published plan."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from pipeline.project.duck import file_sql, quoted, rows_of
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.retention.overlay import MARKED
from pipeline.retention.plan_choice import CHOICE_COLUMNS, PlanChoice
from pipeline.warehouse.compiled_sql import CompiledModel, kept, placed, read_models, relations_read

# The file of what runs again, beside the rows that it reads, in a generation's folder of the plan.
PLAN_SQL = "plan.json"
_SETTINGS = "churn.int_churn__plan_settings_resolved"
_SEGMENTS = "int_churn__segments_selected"

Row = dict[str, Any]
Prepare = Callable[[duckdb.DuckDBPyConnection], None]


@dataclass(frozen=True)
class RetentionPlan:
    """A domain's retention plan.

    Attributes:
        domain: Domain.
        currency: Currency of all amounts.
        figures: The row of `int_churn__plans_summarised`; money in cents.
        alternatives: Rows of `fct_churn_plan_alternatives`.
        actions: Customers to contact, their profit and spend, and the control group, by band,
            action and theme.
        left: Customers who are not treated, by reason.
    """

    domain: str
    currency: str
    figures: Row
    alternatives: list[Row]
    actions: list[Row]
    left: list[Row]


def kept_folder(folder: Path, domain: str) -> Path:
    """Return where a generation's inputs of a domain's plans are.

    A domain that a newer generation kept from an older one has a folder of its own.
    """
    own = folder / domain
    return own if own.is_dir() else folder


def can_plan(folder: Path) -> bool:
    """Return whether a folder has the SQL of plans and all the rows that it reads."""
    if not (folder / PLAN_SQL).exists():
        return False
    read = relations_read(read_models(folder / PLAN_SQL))
    if _SETTINGS not in read or not all((folder / f"{one}.parquet").exists() for one in read):
        return False
    # an older generation has no columns for what a plan may choose
    columns = pq.read_schema(folder / f"{_SETTINGS}.parquet").names
    return set(CHOICE_COLUMNS) <= set(columns)


@dataclass(frozen=True)
class PlanChanges:
    """What differs from the plan that is set.

    Attributes:
        budget: Expected spend in the domain's currency; as set if None.
        holdout: Share held out; as set if None.
        choice: Whom the plan is for and what it may use; as set if None.
        suppressed: Customers who must not be contacted, whatever was published → the reason.
    """

    budget: float | None = None
    holdout: float | None = None
    choice: PlanChoice | None = None
    suppressed: Mapping[str, str] = field(default_factory=dict)

    def columns(self) -> dict[str, Any]:
        """Return the columns of the settings that change."""
        money = {} if self.budget is None else {"budget_cents": round(100 * self.budget)}
        share = {} if self.holdout is None else {"holdout_per_mille": round(1000 * self.holdout)}
        return money | share | ({} if self.choice is None else self.choice.columns())


@contextmanager
def planning(home: Home, domain: str, changes: PlanChanges) -> Iterator[duckdb.DuckDBPyConnection]:
    """Compute a domain's plan in memory; the warehouse is only read.

    Args:
        home: CHURN_HOME after a run.
        domain: Domain.
        changes: What differs from the saved plan.

    Yields:
        A connection with the plan's relations by their bare names: what it read and made.

    Raises:
        ChurnError: There are no scores yet.
    """
    models = kept(home, "plan")
    if models is None or not home.warehouse.exists():
        raise ChurnError("There is nothing to plan yet.", hint="Run `churn run` first.")
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(f"attach {quoted(home.warehouse)} as warehouse (read_only)")
        _plan(connection, models, "warehouse.{}".format, domain, changes, {})
        yield connection


@contextmanager
def planning_published(
    folder: Path, domain: str, changes: PlanChanges, before: Mapping[str, Prepare] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Compute a domain's plan in memory from a generation; the warehouse may be in use.

    Args:
        folder: The generation's folder with the inputs of plans.
        domain: Domain.
        changes: What differs from the published plan.
        before: Name of a model → what is done to the relations before it is run.

    Yields:
        A connection as from `planning`.

    Raises:
        ChurnError: No customer is scored.
    """
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        _plan(
            connection,
            read_models(folder / PLAN_SQL),
            lambda relation: f"read_parquet({file_sql(folder / f'{relation}.parquet')})",
            domain,
            changes,
            before or {},
        )
        yield connection


def _plan(
    connection: duckdb.DuckDBPyConnection,
    models: list[CompiledModel],
    place: Callable[[str], str],
    domain: str,
    changes: PlanChanges,
    before: Mapping[str, Prepare],
) -> None:
    """Make a plan's relations.

    Args:
        connection: In-memory database.
        models: What is run again, in order.
        place: Where the rows of a relation are that the models read.
        domain: Domain.
        changes: What differs from the plan that is set.
        before: Name of a model → what is done to the relations before it is run.
    """
    given = relations_read(models)
    for relation in given:
        name = relation.partition(".")[2]
        # a row for each customer and segment is only read where a plan asks for it
        kind = "view" if name == _SEGMENTS else "table"
        connection.execute(
            f"create {kind} {name} as select * from {place(relation)} "
            f"where domain = {quoted(domain)}"
        )
    _suppress(connection, changes.suppressed)
    scored = connection.execute("select count(*) from int_churn__contact_eligibility_checked")
    if scored.fetchone() == (0,):
        raise ChurnError(f"No customer of {domain} is scored.", hint=f"churn run --domain {domain}")
    for column, value in changes.columns().items():
        connection.execute(f"update int_churn__plan_settings_resolved set {column} = ?", [value])
    local = {*given, *(model.relation for model in models)}
    for model in models:
        if model.name in before:
            before[model.name](connection)
        connection.execute(f"create table {model.name} as {placed(model.sql, local)}")


def _suppress(connection: duckdb.DuckDBPyConnection, suppressed: Mapping[str, str]) -> None:
    """Leave customers out of a plan who must not be contacted."""
    if not suppressed:
        return
    connection.execute(
        "update int_churn__contact_eligibility_checked set exclusion = 'suppressed', "
        f"exclusion_words = '{MARKED}' || listed.reason, is_suppressed = true, "
        "suppression_reason = listed.reason "
        "from (select unnest(?::varchar[]) as customer_id, unnest(?::varchar[]) as reason) "
        "as listed where int_churn__contact_eligibility_checked.customer_id "
        "= listed.customer_id",
        [[*suppressed], [*suppressed.values()]],
    )
    for name in (
        "int_churn__actions_valued",
        "int_churn__customer_options_summarised",
        "int_churn__assignments_kept",
    ):
        connection.execute(
            f"delete from {name} where customer_number in "
            "(select customer_number from int_churn__contact_eligibility_checked "
            "where exclusion = 'suppressed')"
        )


def make_retention_plan(
    home: Home,
    domain: str,
    *,
    budget: float | None = None,
    holdout: float | None = None,
    choice: PlanChoice | None = None,
) -> RetentionPlan:
    """Compute a domain's plan and read its summary.

    Args:
        home: CHURN_HOME after a run.
        domain: Domain.
        budget: Expected spend in the domain's currency; as saved if None.
        holdout: Share held out; as saved if None.
        choice: Whom the plan is for and what it may use; as saved if None.

    Raises:
        ChurnError: There are no scores yet.
    """
    changes = PlanChanges(budget, holdout, choice)
    with planning(home, domain, changes) as connection:
        (currency,) = _rows(
            connection,
            f"select currency from warehouse.serving.bi_domains where domain = '{domain}'",
        )
        return read_plan(connection, domain, currency["currency"])


def read_plan(connection: duckdb.DuckDBPyConnection, domain: str, currency: str) -> RetentionPlan:
    """Return the summary of a plan that was computed in a connection."""
    (figures,) = _rows(connection, "select * from int_churn__plans_summarised")
    return RetentionPlan(
        domain,
        currency,
        figures,
        _rows(
            connection,
            "select * from fct_churn_plan_alternatives order by expected_profit desc, strategy",
        ),
        _rows(
            connection,
            """
            select risk_band, action_id, max(action_title) as title, max(channel) as channel,
                theme, coalesce(sum(customers) filter (where decision = 'treat'), 0) as customers,
                sum(customers) filter (where decision = 'hold_out') as held_out,
                coalesce(sum(expected_profit) filter (where decision = 'treat'), 0) as profit,
                coalesce(sum(expected_spend) filter (where decision = 'treat'), 0) as spend,
                max(evidence) as evidence
            from bi_retention_plan
            where decision <> 'leave'
            group by risk_band, action_id, theme
            order by profit desc, action_id, theme, risk_band
            """,
        ),
        _rows(
            connection,
            """
            select reason, max(reason_words) as words, count(*) as customers,
                count(distinct reason_words) as wordings
            from fct_churn_actions where decision = 'leave'
            group by reason order by customers desc, reason
            """,
        ),
    )


def saved_settings(plan: RetentionPlan) -> tuple[int, int | None]:
    """Return the plan's budget in cents and its hold-out in thousandths; None for automatic."""
    figures = plan.figures
    share = None if figures["is_holdout_automatic"] else int(figures["holdout_per_mille"])
    return int(figures["budget_cents"]), share


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[Row]:
    return rows_of(connection.execute(sql))
