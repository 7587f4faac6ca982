"""Reads the orders of a table of files as the mapping will, and measures them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import duckdb

from pipeline.onboarding.columns import FoundColumn
from pipeline.onboarding.files import FoundTable
from pipeline.onboarding.recognise import check_values, days_without_rows, largest_with
from pipeline.onboarding.roles import Roles
from pipeline.onboarding.shapes import ORDER_WORDS, ORDERS, REFUND_WORDS
from pipeline.project.duck import listed
from pipeline.project.errors import ChurnError


@dataclass(frozen=True)
class OrderTable:
    """A table of orders and what its columns are.

    Attributes:
        table: The files.
        columns: All columns.
        roles: Role → column.
        order_words: Values of the column `type` that are orders.
        refund_words: Values of it that give money back.
    """

    table: FoundTable
    columns: list[FoundColumn]
    roles: Roles
    order_words: tuple[str, ...] = ()
    refund_words: tuple[str, ...] = ()

    @property
    def left_out(self) -> tuple[tuple[str, int], ...]:
        """Values of the column `type` that are neither, with their rows."""
        kind = self.roles["type"]
        known = {*self.order_words, *self.refund_words}
        return tuple(v for v in kind.values if v[0] not in known) if kind else ()


@dataclass(frozen=True)
class OrderProfile:
    """What the orders are like.

    Attributes:
        lines: Rows that are an order or a part of one.
        orders: Orders: the lines of one customer, day and order id.
        customers: Customers with an order.
        nobodys: Rows without a customer.
        undated: Rows without a day that can be read.
        first_day: First day with an order.
        last_day: Last day with an order.
        empty_days: Days between the two without any order.
        longest_hole: Most such days in a row.
        longest_hole_from: First day of it.
        one_order: Share of customers with one order day.
        per_customer: Median, 90 % point and most order days of a customer.
        gaps: 10 %, 50 %, 80 % and 95 % points of the days between two order days of a customer.
        refunds: Rows that give money back.
        refunded: What they give back, as a share of what was bought; None without amounts.
        order_value: Median amount of an order; None without amounts.
        last_month: Amount of the last 28 days; None without amounts.
        customer_day: Median and 90 % point of what a customer spends a day; None without amounts.
    """

    lines: int
    orders: int
    customers: int
    nobodys: int
    undated: int
    first_day: date
    last_day: date
    empty_days: int
    longest_hole: int
    longest_hole_from: date | None
    one_order: float
    per_customer: tuple[int, int, int]
    gaps: tuple[int, int, int, int] | None
    refunds: int
    refunded: float | None
    order_value: float | None
    last_month: float | None
    customer_day: tuple[float, float] | None


def find_orders(
    tables: list[FoundTable],
    said: Mapping[str, str],
    name: str | None,
    con: duckdb.DuckDBPyConnection,
) -> OrderTable:
    """Return the table of orders: the one that is named, or the largest with the columns for it.

    Args:
        tables: The tables of the folder.
        said: Role → header, or `none`.
        name: The table, if it was said.
        con: The session.

    Raises:
        ChurnError: No table has what orders need, or the name of one is wrong.
    """
    found = largest_with(ORDERS, tables, said, name, con)
    if found is None:
        raise ChurnError("There is no file with orders.")
    return _with_words(OrderTable(*found), said)


def _with_words(found: OrderTable, said: Mapping[str, str]) -> OrderTable:
    """The table with the words of its column `type`; without that column if they are unknown."""
    kind = found.roles["type"]
    if kind is None:
        return found
    orders = tuple(v for v, _ in kind.values if v.strip().lower() in ORDER_WORDS)
    refunds = tuple(v for v, _ in kind.values if v.strip().lower() in REFUND_WORDS)
    if orders:
        return OrderTable(found.table, found.columns, found.roles, orders, refunds)
    if "type" not in said:
        return OrderTable(found.table, found.columns, {**found.roles, "type": None})
    raise ChurnError(
        f"No value of {kind.header} is recognised as an order.",
        where=", ".join(f"{value} ({rows:,} rows)" for value, rows in kind.values),
        hint="Say which ones are: --orders VALUE, once for each.",
    )


def with_words(found: OrderTable, orders: tuple[str, ...], refunds: tuple[str, ...]) -> OrderTable:
    """Return the table with the words that were said for orders and for refunds.

    Raises:
        ChurnError: The column `type` does not have such a value.
    """
    check_values(found.table, found.roles["type"], (*orders, *refunds))
    return OrderTable(
        found.table,
        found.columns,
        found.roles,
        orders or found.order_words,
        refunds or found.refund_words,
    )


def load_orders(found: OrderTable, con: duckdb.DuckDBPyConnection) -> None:
    """Make `order_lines` and `order_days` in the session.

    order_lines: customer_id, ordered_on, order_id, amount (of a refund, what it gives back),
    is_refund. order_days: customer_id, ordered_on; a customer's days with an order.
    """
    roles = found.roles
    customer, time = roles["customer"], roles["time"]
    assert customer is not None and time is not None  # noqa: S101 - both are needed roles
    kind = "date" if time.holds == "day" else "timestamp"
    amount = _number(roles["amount"])
    quantity = _number(roles["quantity"])
    if roles["amount"] is None and roles["price"] is not None:
        amount = f"{_number(roles['price'])} * abs(coalesce({quantity}, 1))"
    says = [f"coalesce({amount} < 0, false)", f"coalesce({quantity} < 0, false)"]
    where = "true"
    if (flag := roles["refund"]) is not None:
        says.append(f"lower({flag.sql}) in ('1', 'true', 't', 'yes', 'y')")
    if (type_column := roles["type"]) is not None:
        says.append(f"{type_column.sql} in ({listed(found.refund_words) or 'null'})")
        where = f"{type_column.sql} in ({listed((*found.order_words, *found.refund_words))})"
    order = roles["order"].sql if roles["order"] else "null"
    con.execute(
        f"""
        create or replace table order_lines as
        select
            nullif(trim({customer.sql}), '') as customer_id,
            cast({time.typed(kind)} as date) as ordered_on,
            cast({order} as varchar) as order_id,
            abs({amount}) as amount,
            coalesce({" or ".join(says)}, false) as is_refund
        from {found.table.relation}
        where {where}
        """
    )
    con.execute(
        "create or replace table order_days as select distinct customer_id, ordered_on "
        "from order_lines where not is_refund and customer_id is not null "
        "and ordered_on is not null"
    )


def _number(column: FoundColumn | None) -> str:
    return f"try_cast({column.sql} as double)" if column else "cast(null as double)"


def profile_orders(con: duckdb.DuckDBPyConnection) -> OrderProfile:
    """Measure the orders that `load_orders` made.

    Raises:
        ChurnError: There are none.
    """
    counts = con.execute(
        """
        select
            count(*) filter (where customer_id is not null and ordered_on is not null),
            count(*) filter (where customer_id is null),
            count(*) filter (where customer_id is not null and ordered_on is null),
            count(*) filter (where is_refund),
            sum(amount) filter (where is_refund)
                / nullif(sum(amount) filter (where not is_refund), 0)
        from order_lines
        """
    ).fetchone()
    orders = con.execute(
        """
        with orders as (
            select customer_id, ordered_on, order_id, sum(amount) as amount
            from order_lines
            where not is_refund and customer_id is not null and ordered_on is not null
            group by all
        )
        select count(*), count(distinct customer_id), min(ordered_on), max(ordered_on),
            median(amount),
            sum(amount) filter (ordered_on > (select max(ordered_on) - 28 from orders))
        from orders
        """
    ).fetchone()
    if counts is None or orders is None or not orders[0]:
        raise ChurnError(
            "No row is an order with a customer and a day.",
            hint="Look at the columns above, and say which is which: --column customer=NAME, "
            "--column time=NAME.",
        )
    empty, longest, begins = days_without_rows(con, "order_days", "ordered_on")
    spread = con.execute(
        """
        with customers as (select customer_id, count(*) as days from order_days group by all)
        select avg((days = 1)::integer), quantile_disc(days, 0.5), quantile_disc(days, 0.9),
            max(days)
        from customers
        """
    ).fetchone() or (0, 0, 0, 0)
    daily = con.execute(
        """
        with customers as (
            select sum(amount) / greatest(
                (select max(ordered_on) from order_days) - min(ordered_on), 30) as a_day
            from order_lines where not is_refund and customer_id is not null
            group by customer_id
        )
        select quantile_cont(a_day, 0.5), quantile_cont(a_day, 0.9) from customers
        """
    ).fetchone()
    return OrderProfile(
        lines=counts[0],
        orders=orders[0],
        customers=orders[1],
        nobodys=counts[1],
        undated=counts[2],
        first_day=orders[2],
        last_day=orders[3],
        empty_days=empty,
        longest_hole=longest,
        longest_hole_from=begins,
        one_order=float(spread[0]),
        per_customer=(spread[1], spread[2], spread[3]),
        gaps=gaps_between_days(con),
        refunds=counts[3],
        refunded=counts[4],
        order_value=orders[4],
        last_month=orders[5],
        customer_day=(daily[0], daily[1]) if daily and daily[0] is not None else None,
    )


def gaps_between_days(con: duckdb.DuckDBPyConnection) -> tuple[int, int, int, int] | None:
    """Return the 10, 50, 80 and 95 % points of the days between two order days of a customer.

    None where nobody ordered twice.
    """
    found = con.execute(
        """
        with gaps as (
            select ordered_on - lag(ordered_on) over (
                partition by customer_id order by ordered_on
            ) as days
            from order_days
        )
        select quantile_disc(days, [0.1, 0.5, 0.8, 0.95]) from gaps where days is not null
        """
    ).fetchone()
    return tuple(found[0]) if found and found[0] else None
