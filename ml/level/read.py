"""Reads what levels are made of from the warehouse."""

import duckdb
import numpy as np

from ml.cohorts import is_on_grid
from ml.contact_spans import read_contact_spans
from ml.level.forecast import Levels
from ml.level.orders import NEVER, CohortRule, Orders
from ml.recipe import LevelRule
from ml.settings import LearningSettings


def rule_of(settings: LearningSettings) -> LevelRule | None:
    """Return how a domain's levels are forecast; None where its entry does not ask for it."""
    horizon, lookback, least = settings.horizon_days, settings.lookback_days, settings.min_orders
    if settings.level is None or horizon is None or lookback is None or least is None:
        return None
    return LevelRule(
        orders=settings.level.orders,
        horizon_days=horizon,
        lookback_days=lookback,
        min_orders=least,
        grid=settings.grid,
        grid_days=settings.grid_days,
    )


def read_levels(
    connection: duckdb.DuckDBPyConnection, domain: str, rule: LevelRule | None
) -> Levels | None:
    """Return the levels of a domain's cohorts; None without a rule.

    Args:
        connection: The warehouse after the build.
        domain: Domain.
        rule: What they are forecast from.
    """
    if rule is None:
        return None
    days = connection.execute(
        f"select distinct as_of_date from {domain}.{domain}__churn_examples order by as_of_date"
    ).fetchall()
    cut_offs = [np.datetime64(day, "D") for (day,) in days]
    return Levels(
        read_orders(connection, domain, rule.orders),
        CohortRule(rule.horizon_days, rule.lookback_days, rule.min_orders),
        tuple(day for day in cut_offs if is_on_grid(day, rule)),
        read_contact_spans(connection, domain),
    )


class LevelReader:
    """Levels of a domain by the rule of a run, each read once.

    What was learned of a cut-off is kept, so runs with one rule that are compared learn it once.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, domain: str) -> None:
        """Read from a warehouse.

        Args:
            connection: The warehouse after the build.
            domain: Domain.
        """
        self._connection, self._domain = connection, domain
        self._known: dict[LevelRule, Levels | None] = {}

    def of(self, rule: LevelRule | None) -> Levels | None:
        """Return the levels by a rule; None without one."""
        if rule is not None and rule not in self._known:
            self._known[rule] = read_levels(self._connection, self._domain, rule)
        return None if rule is None else self._known[rule]


def read_orders(connection: duckdb.DuckDBPyConnection, domain: str, relation: str) -> Orders:
    """Read a domain's orders.

    Args:
        connection: A database with the relations of the build.
        domain: Domain.
        relation: Relation, with its schema: domain, customer_id (a history), ordered_on and
            returned_on.
    """
    rows = connection.execute(f"{orders_sql(domain, relation)} order by all").fetchnumpy()
    customer = np.asarray(rows["customer_id"], dtype=object)
    after = np.asarray(rows["holds_after"], dtype=np.int64)
    until = np.asarray(rows["holds_until"], dtype=np.int64)
    opens = np.ones(len(customer), dtype=bool)
    opens[1:] = (customer[1:] != customer[:-1]) | (after[1:] != after[:-1])
    missing = connection.execute(
        """
        select
            date_diff('day', date '1970-01-01', holes.day) as day,
            date_diff('day', date '1970-01-01', min(holes.known_from)) as known
        from control.control__holes as holes
        inner join control.control__grids as grids
            on holes.domain = grids.domain and holes.table_name = grids.anchor_table
        where holes.domain = ?
        group by all
        order by all
        """,
        [domain],
    ).fetchnumpy()
    return Orders(
        customer_id=customer[opens],
        holds_after=after[opens],
        holds_until=until[opens],
        history=np.cumsum(opens) - 1,
        day=np.asarray(rows["day"], dtype=np.int64),
        returned=np.asarray(rows["returned"], dtype=np.int64),
        count=np.asarray(rows["orders"], dtype=np.int64),
        missing=np.asarray(missing["day"], dtype=np.int64),
        missing_known=np.asarray(missing["known"], dtype=np.int64),
    )


def orders_sql(domain: str, relation: str, database: str = "") -> str:
    """Return SQL of a domain's orders by history, day and day of return.

    Rows: customer_id, holds_after, holds_until, day, returned, orders; days since 1970-01-01.

    Args:
        domain: Domain.
        relation: Relation, with its schema: domain, customer_id (a history), ordered_on and
            returned_on.
        database: Name of an attached database, with a dot after it.
    """
    return f"""
        with

        spans as (
            select distinct
                known_as,
                customer_id,
                date_diff('day', date '1970-01-01', known_after) as known_after,
                date_diff('day', date '1970-01-01', known_until) as known_until
            from {database}control.control__identities
            where domain = '{domain}'
        )

        select
            coalesce(spans.customer_id, orders.customer_id) as customer_id,
            coalesce(spans.known_after, -{NEVER}) as holds_after,
            coalesce(spans.known_until, {NEVER}) as holds_until,
            date_diff('day', date '1970-01-01', orders.ordered_on) as day,
            coalesce(date_diff('day', date '1970-01-01', orders.returned_on), {NEVER}) as returned,
            count(*) as orders
        from {database}{relation} as orders
        left join spans on orders.customer_id = spans.known_as
        where orders.domain = '{domain}'
        group by all
    """
