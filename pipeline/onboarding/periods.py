"""Reads the billing periods and the usage of a folder as the mapping will, and measures them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date

import duckdb

from pipeline.onboarding.columns import FoundColumn, profile_columns
from pipeline.onboarding.files import FoundTable
from pipeline.onboarding.lapses import load_purchases
from pipeline.onboarding.recognise import (
    check_table,
    check_values,
    days_without_rows,
    largest_with,
)
from pipeline.onboarding.roles import NONE, Roles, propose
from pipeline.onboarding.subscription_shapes import (
    LENGTHS,
    PERIODS,
    TRIAL_DAYS,
    USAGE,
    RowWords,
    sorted_words,
)
from pipeline.project.duck import listed
from pipeline.project.errors import ChurnError

_TRUE = ("1", "true", "t", "yes", "y")
# Of the customers of a table of usage, at least this share is in the periods.
_SHARED = 0.5
# Where most renewals come a day after the end, the end is the last day that is paid.
_MOSTLY = 0.6


@dataclass(frozen=True)
class PeriodTable:
    """A table of billing periods and what its columns are.

    Attributes:
        table: The files.
        columns: All columns.
        roles: Role → column.
        words: Values of the column `type` by what such a row is.
        ends_on_last_day: The end is the last paid day; the subscription ends a day later.
    """

    table: FoundTable
    columns: list[FoundColumn]
    roles: Roles
    words: RowWords = field(default_factory=RowWords)
    ends_on_last_day: bool = False

    @property
    def left_out(self) -> tuple[tuple[str, int], ...]:
        """Values of the column `type` that say nothing of a period, with their rows."""
        kind = self.roles["type"]
        return tuple(v for v in kind.values if v[0] not in self.words.known) if kind else ()

    @property
    def can_cancel(self) -> bool:
        """Whether some rows cancel."""
        return bool(self.words.cancels or self.roles["cancel"])


@dataclass(frozen=True)
class UsageTable:
    """A table of usage and what its columns are."""

    table: FoundTable
    columns: list[FoundColumn]
    roles: Roles


@dataclass(frozen=True)
class RowSql:
    """SQL of what a row is, over the texts of the files or over the lake.

    Attributes:
        found: The table.
        text: SQL of a column's text.
        number: SQL of a column's number.
    """

    found: PeriodTable
    text: Callable[[FoundColumn], str]
    number: Callable[[FoundColumn], str]

    @property
    def amount(self) -> str:
        """What was paid; null where the files have no amounts."""
        column = self.found.roles["amount"]
        return self.number(column) if column else "cast(null as double)"

    @property
    def is_refund(self) -> list[str]:
        """Conditions, one of which holds for a row that gives money back."""
        column = self.found.roles["amount"]
        says = [f"coalesce({self.number(column)} < 0, false)"] if column else []
        return says + self._said(self.found.words.refunds, "refund")

    @property
    def is_cancel(self) -> list[str]:
        """Conditions, one of which holds for a cancellation."""
        return self._said(self.found.words.cancels, "cancel")

    @property
    def is_change(self) -> list[str]:
        """Conditions, one of which holds for a change, which may yet be paid for."""
        return self._said(self.found.words.changes, None)

    @property
    def is_trial(self) -> list[str]:
        """Conditions, one of which holds for a trial; none where the files do not say."""
        return self._said(self.found.words.trials, "trial")

    def flag(self, role: str) -> str | None:
        """Return the condition of a column of yes and no; None without the column."""
        column = self.found.roles[role]
        if column is None:
            return None
        true = listed(value for value, _ in column.values if value.lower() in _TRUE)
        return f"coalesce({self.text(column)} in ({true}), false)" if true else "false"

    def _said(self, words: tuple[str, ...], role: str | None) -> list[str]:
        kind = self.found.roles["type"]
        flag = self.flag(role) if role else None
        says = [f"{self.text(kind)} in ({listed(words)})"] if kind and words else []
        return says + ([flag] if flag else [])


def any_of(conditions: list[str]) -> str:
    """Return conditions joined by or; false if there are none."""
    joined = " or ".join(conditions)
    return f"({joined})" if len(conditions) > 1 else joined or "false"


@dataclass(frozen=True)
class PeriodProfile:
    """What the billing periods are like.

    Attributes:
        rows: Rows with a customer and a day.
        customers: Customers.
        nobodys: Rows without a customer.
        undated: Rows without a day that can be read.
        endless: Payments without an end that can be read.
        first_day: First day with a row.
        last_day: Last day with one.
        empty_days: Days between the two without any row.
        longest_hole: Most such days in a row.
        longest_hole_from: First day of it.
        payments: Rows that begin or renew a period, trials apart.
        trials: Rows that begin a trial.
        cancels: Rows that cancel.
        changes: Rows that change the end or the plan and renew nothing.
        refunds: Rows that give money back.
        refunded: What they give back, as a share of what was paid; None without amounts.
        lengths: Days of a period and the share of payments for it, the most frequent first.
        gaps: 10 %, 50 %, 80 % and 95 % points of the days from an end to the next payment.
        late: Share of renewals that come after the end and within 30 days of it.
        returns: Share of renewals that come 30 days after the end or later.
        price: Median amount of a payment; None without amounts.
        last_month: Amount of the last 28 days; None without amounts.
        month_price: Median and 90 % point of what is paid for 30 days; None without amounts.
    """

    rows: int
    customers: int
    nobodys: int
    undated: int
    endless: int
    first_day: date
    last_day: date
    empty_days: int
    longest_hole: int
    longest_hole_from: date | None
    payments: int
    trials: int
    cancels: int
    changes: int
    refunds: int
    refunded: float | None
    lengths: tuple[tuple[int, float], ...]
    gaps: tuple[int, int, int, int] | None
    late: float
    returns: float
    price: float | None
    last_month: float | None
    month_price: tuple[float, float] | None


def find_periods(
    tables: list[FoundTable],
    said: Mapping[str, str],
    name: str | None,
    words: RowWords,
    con: duckdb.DuckDBPyConnection,
) -> PeriodTable:
    """Return the table of periods: the one that is named, or the largest with the columns for it.

    Args:
        tables: The tables of the folder.
        said: Role → header, or `none`; those of usage are passed over.
        name: The table, if it was said.
        words: What values of the column `type` were said to be.
        con: The session.

    Raises:
        ChurnError: No table has what periods need, or a name or a word is wrong.
    """
    ours = {role: header for role, header in said.items() if not role.startswith("usage_")}
    found = largest_with(PERIODS, tables, ours, name, con)
    if found is None:
        raise ChurnError("There is no file with billing periods.")
    return _with_words(PeriodTable(*found), ours, words)


def _with_words(found: PeriodTable, said: Mapping[str, str], words: RowWords) -> PeriodTable:
    """The table with the words of its column `type`; without that column if none is known."""
    kind = found.roles["type"]
    check_values(found.table, kind, words.known)
    if kind is None:
        return found
    heard = sorted_words(value for value, _ in kind.values if value not in words.known)
    both = {
        part.name: getattr(words, part.name) + getattr(heard, part.name) for part in fields(words)
    }
    found = replace(found, words=RowWords(**both))
    if found.words.payments or found.words.trials:
        return found
    if "type" not in said and not words.known:
        return replace(found, words=RowWords(), roles={**found.roles, "type": None})
    raise ChurnError(
        f"No value of {kind.header} is recognised as a payment.",
        where=", ".join(f"{value} ({rows:,} rows)" for value, rows in kind.values),
        hint="Say which ones are: --payments VALUE, once for each.",
    )


def find_usage(
    tables: list[FoundTable],
    periods: PeriodTable,
    said: Mapping[str, str],
    name: str | None,
    con: duckdb.DuckDBPyConnection,
) -> UsageTable | None:
    """Return the table of usage: the one that is named, or the largest of the same customers.

    Args:
        tables: The tables of the folder.
        periods: The table of periods, loaded by `load_periods`.
        said: Role → header, or `none`; those of periods are passed over.
        name: The table, if it was said; `none` for no usage.
        con: The session.

    Raises:
        ChurnError: The table that was said has not what usage needs.
    """
    if name == NONE:
        return None
    check_table(tables, name, "--usage")
    ours = {role: header for role, header in said.items() if role.startswith("usage_")}
    others = [t for t in tables if t != periods.table and name in (None, t.name)]
    for table in sorted(others, key=lambda table: -table.rows):
        columns = profile_columns(table, con)
        try:
            roles = propose(columns, USAGE, ours, table.where)
        except ChurnError:
            if name or ours:
                raise
            continue
        customer = roles["usage_customer"]
        assert customer is not None  # noqa: S101 - a needed role
        (shared,) = con.execute(
            f"select avg((id in (select customer_id from period_rows))::integer) from "
            f"(select distinct trim({customer.sql}) as id from {table.relation})"
        ).fetchone() or (0,)
        if name or (shared or 0) >= _SHARED:
            return UsageTable(table, columns, roles)
    return None


def load_periods(found: PeriodTable, con: duckdb.DuckDBPyConnection) -> PeriodTable:
    """Make `period_rows` and `purchases` in the session; return the table, its ends understood.

    period_rows: customer_id, transacted_on, expires_on, plan_days, amount (of a refund, what it
    gives back), is_cancel, is_change, is_trial, is_refund. purchases: as `load_purchases` says.
    """
    _load(found, con)
    load_purchases(con, "select * from period_rows where is_period")
    (is_last_day,) = con.execute(
        f"""
        with gaps as (
            select lead(transacted_on) over (
                partition by customer_id order by transacted_on, expires_on
            ) - expires_on as days
            from purchases
        )
        select coalesce(avg((days = 1)::integer) >= {_MOSTLY}, false)
        from gaps where days is not null
        """
    ).fetchone() or (False,)
    if not is_last_day:
        return found
    found = replace(found, ends_on_last_day=True)
    _load(found, con)
    load_purchases(con, "select * from period_rows where is_period")
    return found


def _load(found: PeriodTable, con: duckdb.DuckDBPyConnection) -> None:
    roles = found.roles
    customer = roles["customer"]
    assert customer is not None  # noqa: S101 - a needed role
    sql = RowSql(found, lambda column: column.sql, lambda c: f"try_cast({c.sql} as double)")
    ends = _day(roles["expires"]) + (" + 1" if found.ends_on_last_day else "")
    begins = f"coalesce({_day(roles['starts'])}, {_day(roles['time'])})"
    days = f"try_cast({roles['plan_days'].sql} as integer)" if roles["plan_days"] else "null"
    kind = roles["type"]
    where = f"{kind.sql} in ({listed(found.words.known)})" if kind else "true"
    trial = any_of(sql.is_trial)
    if not sql.is_trial:
        trial = (
            f"coalesce({sql.amount} = 0 and {ends} - {begins} between 1 and {TRIAL_DAYS}, false)"
        )
    con.execute(
        f"""
        create or replace table period_rows as
        with rows as (
            select
                nullif(trim({customer.sql}), '') as customer_id,
                {_day(roles["time"])} as transacted_on,
                {ends} as given_expires_on,
                coalesce({days}, {length_sql(f"{ends} - {begins}")}) as plan_days,
                {any_of(sql.is_cancel)} as is_cancel,
                {any_of(sql.is_refund)} as is_refund,
                {any_of(sql.is_change)} as is_given_change,
                {trial} as is_given_trial,
                {sql.amount} as given_amount
            from {found.table.relation}
            where {where}
        ),
        judged as (
            select
                *,
                is_cancel or not is_refund as is_period,
                last_value(
                    case when is_cancel or not is_refund then given_expires_on end ignore nulls
                ) over (
                        partition by customer_id order by transacted_on, is_cancel, is_given_change
                        rows between unbounded preceding and 1 preceding
                    ) as earlier_expires_on
            from rows
        )
        select
            customer_id,
            transacted_on,
            coalesce(given_expires_on, earlier_expires_on) as expires_on,
            plan_days,
            abs(given_amount) as amount,
            is_period,
            is_cancel,
            is_refund,
            is_given_change and not coalesce(
                given_amount > 0 and given_expires_on > earlier_expires_on, false
            ) as is_change,
            is_given_trial and not is_cancel and not is_given_change as is_trial
        from judged
        """
    )


def _day(column: FoundColumn | None) -> str:
    if column is None:
        return "cast(null as date)"
    return f"cast({column.typed('date' if column.holds == 'day' else 'timestamp')} as date)"


def length_sql(days: str) -> str:
    """Return SQL of the days that a plan has, from the days between two dates."""
    cases = " ".join(f"when {days} between {low} and {high} then {n}" for n, low, high in LENGTHS)
    return f"case {cases} else {days} end"


def profile_periods(con: duckdb.DuckDBPyConnection) -> PeriodProfile:
    """Measure the periods that `load_periods` made.

    Raises:
        ChurnError: There are none.
    """
    counts = con.execute(
        """
        select
            count(*) filter (customer_id is not null and transacted_on is not null),
            count(distinct customer_id) filter (transacted_on is not null),
            count(*) filter (customer_id is null),
            count(*) filter (customer_id is not null and transacted_on is null),
            count(*) filter (is_bought and expires_on is null),
            min(transacted_on),
            max(transacted_on),
            count(*) filter (is_bought and not is_trial),
            count(*) filter (is_trial),
            count(*) filter (is_cancel),
            count(*) filter (is_period and is_change),
            count(*) filter (is_refund),
            sum(amount) filter (is_refund) / nullif(sum(amount) filter (is_bought), 0),
            quantile_cont(amount, 0.5) filter (is_bought and not is_trial),
            sum(amount) filter (
                is_bought and transacted_on > (select max(transacted_on) - 28 from period_rows)
            ),
            quantile_cont(amount * 30 / plan_days, [0.5, 0.9]) filter (
                is_bought and amount > 0 and plan_days > 0
            )
        from (
            select *, is_period and not is_cancel and not is_change as is_bought from period_rows
        )
        """
    ).fetchone()
    if counts is None or not counts[7] + counts[8]:
        raise ChurnError(
            "No row is a period with a customer, a day and an end.",
            hint="Look at the columns above, and say which is which: --column customer=NAME, "
            "--column time=NAME, --column expires=NAME.",
        )
    empty, longest, begins = days_without_rows(con, "period_rows", "transacted_on")
    lengths = con.execute(
        """
        select plan_days, count(*) / sum(count(*)) over ()
        from period_rows
        where is_period and not is_cancel and not is_change and not is_trial and plan_days > 0
        group by plan_days order by 2 desc, 1 limit 4
        """
    ).fetchall()
    gaps = con.execute(
        """
        with gaps as (
            select lead(transacted_on) over (
                partition by customer_id order by transacted_on, expires_on
            ) - expires_on as days
            from purchases
        )
        select quantile_disc(days, [0.1, 0.5, 0.8, 0.95]),
            avg((days between 1 and 29)::integer), avg((days >= 30)::integer)
        from gaps where days is not null
        """
    ).fetchone() or (None, 0, 0)
    month_price = counts[15]
    return PeriodProfile(
        rows=counts[0],
        customers=counts[1],
        nobodys=counts[2],
        undated=counts[3],
        endless=counts[4],
        first_day=counts[5],
        last_day=counts[6],
        empty_days=empty,
        longest_hole=longest,
        longest_hole_from=begins,
        payments=counts[7],
        trials=counts[8],
        cancels=counts[9],
        changes=counts[10],
        refunds=counts[11],
        refunded=counts[12],
        lengths=tuple((int(days), float(share)) for days, share in lengths),
        gaps=tuple(gaps[0]) if gaps[0] else None,
        late=float(gaps[1] or 0),
        returns=float(gaps[2] or 0),
        price=counts[13],
        last_month=counts[14],
        month_price=tuple(month_price) if month_price and month_price[0] is not None else None,
    )
