"""Computes retention plans with other settings, by the SQL of the published plan."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from pipeline.project.duck import file_sql, quoted, rows_of
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.retention.overlay import MARKED
from pipeline.warehouse.compiled_sql import CompiledModel, kept, placed, read_models, relations_read

# The file of what runs again, beside the rows that it reads, in a generation's folder of the plan.
PLAN_SQL = "plan.json"
_SETTINGS = "churn.int_churn__plan_settings_resolved"

Row = dict[str, Any]


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
    models = read_models(folder / PLAN_SQL)
    return _SETTINGS in relations_read(models) and all(
        (folder / f"{relation}.parquet").exists() for relation in relations_read(models)
    )


@dataclass(frozen=True)
class Selection:
    """The customers and actions that a plan may use.

    Attributes:
        where: Condition on `int_churn__contact_eligibility_checked`; its values are bound.
        values: Its bound values.
        actions: Actions of the catalogue; empty for all.
        suppressed: Customers who must not be contacted, whatever was published → the reason.
    """

    where: str = "true"
    values: tuple[Any, ...] = ()
    actions: tuple[str, ...] = ()
    suppressed: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def planning(
    home: Home, domain: str, *, budget: float | None = None, holdout: float | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Compute a domain's plan in memory; the warehouse is only read.

    Args:
        home: CHURN_HOME after a run.
        domain: Domain.
        budget: Expected spend in the domain's currency, instead of the saved one.
        holdout: Share held out, instead of the saved one.

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
        _plan(connection, models, "warehouse.{}".format, domain, budget, holdout, Selection())
        yield connection


@contextmanager
def planning_published(
    folder: Path,
    domain: str,
    *,
    budget: float | None = None,
    holdout: float | None = None,
    selection: Selection | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Compute a domain's plan in memory from a generation; the warehouse may be in use.

    Args:
        folder: The generation's folder with the inputs of plans.
        domain: Domain.
        budget: Expected spend in the domain's currency, instead of the saved one.
        holdout: Share held out, instead of the saved one.
        selection: Customers and actions that the plan may use; all by default.

    Yields:
        A connection as from `planning`.

    Raises:
        ChurnError: No customer is selected, or none is scored.
    """
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        _plan(
            connection,
            read_models(folder / PLAN_SQL),
            lambda relation: f"read_parquet({file_sql(folder / f'{relation}.parquet')})",
            domain,
            budget,
            holdout,
            selection or Selection(),
        )
        yield connection


def _plan(
    connection: duckdb.DuckDBPyConnection,
    models: list[CompiledModel],
    place: Callable[[str], str],
    domain: str,
    budget: float | None,
    holdout: float | None,
    selection: Selection,
) -> None:
    """Make a plan's relations.

    Args:
        connection: In-memory database.
        models: What is run again, in order.
        place: Where the rows of a relation are that the models read.
        domain: Domain.
        budget: Expected spend instead of the one that is set.
        holdout: Share held out instead of the one that is set.
        selection: Whom and with what the plan may treat.
    """
    given = relations_read(models)
    for relation in given:
        name = relation.partition(".")[2]
        connection.execute(
            f"create table {name} as select * from {place(relation)} where domain = ?", [domain]
        )
    _select(connection, selection)
    scored = connection.execute("select count(*) from int_churn__contact_eligibility_checked")
    if scored.fetchone() == (0,):
        raise ChurnError(f"No customer of {domain} is scored.", hint=f"churn run --domain {domain}")
    changes = {"budget_cents": (budget, 100), "holdout_per_mille": (holdout, 1000)}
    for column, (value, scale) in changes.items():
        if value is not None:
            connection.execute(
                f"update int_churn__plan_settings_resolved set {column} = ?", [round(value * scale)]
            )
    local = {*given, *(model.relation for model in models)}
    for model in models:
        connection.execute(f"create table {model.name} as {placed(model.sql, local)}")


def _select(connection: duckdb.DuckDBPyConnection, selection: Selection) -> None:
    """Delete the customers and actions that a plan may not use."""
    if selection.where != "true":
        connection.execute(
            "delete from int_churn__contact_eligibility_checked "
            f"where ({selection.where}) is not true",
            list(selection.values),
        )
    if selection.actions:
        connection.execute(
            "delete from int_churn__actions_valued where not list_contains(?, action_id)",
            [list(selection.actions)],
        )
    if selection.suppressed:
        connection.execute(
            "update int_churn__contact_eligibility_checked set exclusion = 'suppressed', "
            f"exclusion_words = '{MARKED}' || listed.reason, is_suppressed = true, "
            "suppression_reason = listed.reason "
            "from (select unnest(?::varchar[]) as customer_id, unnest(?::varchar[]) as reason) "
            "as listed where int_churn__contact_eligibility_checked.customer_id "
            "= listed.customer_id",
            [[*selection.suppressed], [*selection.suppressed.values()]],
        )
    for name in (
        "int_churn__actions_valued",
        "int_churn__customer_options_summarised",
        "int_churn__assignments_kept",
    ):
        connection.execute(
            f"delete from {name} where customer_number not in "
            "(select customer_number from int_churn__contact_eligibility_checked "
            "where exclusion is distinct from 'suppressed')"
        )


def make_retention_plan(
    home: Home, domain: str, *, budget: float | None = None, holdout: float | None = None
) -> RetentionPlan:
    """Compute a domain's plan and read its summary.

    Raises:
        ChurnError: There are no scores yet.
    """
    with planning(home, domain, budget=budget, holdout=holdout) as connection:
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
