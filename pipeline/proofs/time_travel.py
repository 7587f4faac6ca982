"""Rebuilds features on a lake with an altered future and compares them with the mart.

The mart's features at a cut-off D must depend only on what happened before D. So the SQL that built
the mart runs again on a lake in which everything from D on is hidden or garbage, or to which rows
are added at the instants around D; the results are compared to the last bit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import duckdb

from ml.level.orders import MEMORY_DAYS
from ml.level.read import orders_sql
from pipeline.project.corrections import correction_relations, day_of
from pipeline.project.domains import domain_entries
from pipeline.project.duck import open_large, quoted
from pipeline.project.home import Home
from pipeline.project.sources import SourceColumn, SourceTable, source_tables
from pipeline.warehouse.compiled_sql import (
    CompiledModel,
    create_models,
    load_coverage,
    load_identities,
)
from pipeline.warehouse.control import fill_controls

Lake = Literal["hidden", "garbage", "on the cut-off", "after the cut-off", "before the cut-off"]

# Rows added at this instant are before the cut-off, so features must change; otherwise the
# comparison could not fail.
SENSITIVE: Lake = "before the cut-off"
_TOUCHED = 300


@dataclass(frozen=True)
class Comparison:
    """A rebuilt cohort compared with the mart's.

    Attributes:
        domain: Domain.
        as_of_date: The cut-off.
        lake: What was done to the events from the cut-off on.
        rows: Customers of the cohort in the mart.
        columns: Columns compared: features, value and due date, and the orders that the level of a
            cohort rests on.
        differences: Values that differ; a customer on one side only differs in every column.
        examples: Up to three differences: customer, column, value in the mart, value rebuilt.
    """

    domain: str
    as_of_date: date
    lake: Lake
    rows: int
    columns: int
    differences: int
    examples: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the result is as required."""
        return (self.differences > 0) == (self.lake == SENSITIVE)


def compare(
    home: Home, domain: str, stack: list[CompiledModel], cut_off: date, lake: Lake
) -> Comparison:
    """Rebuild the features at a cut-off on an altered lake and compare them with the mart.

    Args:
        home: CHURN_HOME after a build.
        domain: Domain.
        stack: The feature SQL, as the build compiled it or with a planted fault.
        cut_off: A cut-off of the mart.
        lake: How to alter the events from the cut-off on.
    """
    level = domain_entries()[domain].level
    with rebuilt(home, domain, stack, cut_off, lake) as connection:
        found = _compared(connection, domain, cut_off, lake, stack[-1].relation)
        found = with_corrections(connection, found, stack)
        if level is None:
            return found
        others = _other_orders(connection, domain, level.orders, cut_off)
    return replace(
        found,
        columns=found.columns + 1,
        differences=found.differences + len(others),
        examples=(*found.examples, *others[:1]),
    )


def with_corrections(
    connection: duckdb.DuckDBPyConnection, found: Comparison, stack: list[CompiledModel]
) -> Comparison:
    """Add the rows of each correction before the cut-off that are not those of the warehouse.

    A correction that looks past the cut-off changes its own rows first, so it is named here. The
    rows of the cohort's customers are compared: of others, no feature is made.
    """
    made = {model.relation for model in stack}
    others, words = 0, []
    for name, relation in correction_relations(found.domain).items():
        if relation not in made:
            continue
        select = (
            f"select * from {{database}}{relation} "
            f"where {day_of(name)} < date '{found.as_of_date}' "
            "and customer_id in (select customer_id from "
            f"built.{found.domain}.{found.domain}__churn_examples "
            f"where as_of_date = date '{found.as_of_date}')"
        )
        then, now = (select.format(database=database) for database in ("built.", ""))
        rows = connection.execute(
            f"(({then}) except all ({now})) union all (({now}) except all ({then}))"
        ).fetchall()
        if rows:
            others += len(rows)
            words.append(
                f"the correction {name} makes {len(rows):,} rows before the cut-off differ"
            )
    if not words:
        return found
    return replace(
        found, differences=found.differences + others, examples=(*words, *found.examples)
    )


def _other_orders(
    connection: duckdb.DuckDBPyConnection, domain: str, relation: str, cut_off: date
) -> list[str]:
    """Return the orders known at a cut-off, which levels rest on, that are not the warehouse's.

    What is older than an order counts is not compared: a lake rebuilt for one cut-off has less.
    """
    known = (
        "select customer_id, holds_after, day, orders, least(returned, {day}) as returned "
        f"from ({{orders}}) where day between {{day}} - {MEMORY_DAYS} and {{day}} - 1 "
        "and holds_after < {day}"
    )
    day = (cut_off - date(1970, 1, 1)).days
    then, now = (
        known.format(day=day, orders=orders_sql(domain, relation, database))
        for database in ("built.", "")
    )
    rows = connection.execute(
        f"(({then}) except all ({now})) union all (({now}) except all ({then})) order by all"
    ).fetchall()
    return [f"{row[0]}: an order of day {row[2]} differs" for row in rows]


@contextmanager
def rebuilt(
    home: Home, domain: str, stack: list[CompiledModel], cut_off: date, lake: Lake
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield an in-memory database with the altered lake and the stack built on it.

    The warehouse is attached as `built`; the stack's last relation holds the features.
    """
    settings = {"threads": "2", "preserve_insertion_order": "false"}
    with open_large(home, "rebuilt", config=settings) as connection:
        connection.execute(f"attach {quoted(home.warehouse)} as built (read_only)")
        connection.execute("create schema lake")
        for table in source_tables(domain):
            connection.execute(
                f"create view lake.{table.identifier} as {_rows(table, cut_off, lake)}"
            )
        fill_controls(
            connection,
            domain,
            load_coverage(home),
            cut_offs=f"select date '{cut_off}' as as_of_date, null::date as due_from",
            known_before=_known_before(domain, cut_off, lake),
            identities=load_identities(home, domain),
        )
        create_models(connection, stack)
        yield connection


def _rows(table: SourceTable, cut_off: date, lake: Lake) -> str:
    """SQL of a raw table in the altered lake; a table without a time stays unchanged."""
    built = f"built.lake.{table.identifier}"
    day = table.event_day or table.event_time or table.known_from
    if day is None:
        return f"from {built}"
    # the day a row was first seen is not in the raw files
    columns = ", ".join(column.name for column in table.columns)
    before = f"select {columns} from {built} where {day} < date '{cut_off}'"
    if lake == "hidden":
        return before
    after = f"{built} where {day} >= date '{cut_off}'"
    if lake == "garbage":
        nonsense = ", ".join(_nonsense(column, table) for column in table.columns)
        garbage = f"select {nonsense} from {after}"
        return f"{before} union all {garbage} union all {garbage}"
    # copies of some customers' last event before the cut-off, moved to the instant
    moved = ", ".join(
        f"{_moved(column, table, cut_off, lake)} as {column.name}" for column in table.columns
    )
    ids = [column.name for column in table.columns if column.is_id]
    touched = (
        f"select {moved} from {built} where {day} < date '{cut_off}' and {ids[0]} in ("
        f"select customer_id from built.{table.domain}.{table.domain}__churn_examples "
        f"where as_of_date = date '{cut_off}') "
        f"qualify row_number() over (partition by {', '.join(ids)} order by {day} desc) = 1 "
        f"order by md5({ids[0]}) limit {_TOUCHED}"
    )
    return f"select {columns} from {built} union all (select * from ({touched}))"


def _nonsense(column: SourceColumn, table: SourceTable) -> str:
    name = column.name
    if column.is_id or name in (table.event_time, table.event_day, table.known_from):
        return name
    number = f"hash('{name}', {table.columns[0].name}, {table.event_time}, {name})"
    if column.values:
        words = ", ".join(f"'{word}'" for word in column.values)
        value = f"([{words}])[1 + ({number} % {len(column.values)})::integer]"
    elif column.data_type == "varchar":
        value = f"md5({number}::varchar)"
    elif column.data_type in ("date", "timestamp"):
        value = f"date '1970-01-01' + ({number} % 25000)::integer"
    else:
        low = int(column.min) if column.min is not None and abs(column.min) < 1e9 else 0
        high = int(column.max) if column.max is not None and abs(column.max) < 1e9 else 999
        value = f"{low} + {number} % {high - low + 1}"
    return f"cast({value} as {column.data_type}) as {name}"


def _moved(column: SourceColumn, table: SourceTable, cut_off: date, lake: Lake) -> str:
    if column.name not in (table.event_time, table.event_day, table.known_from):
        return column.name
    step = {"before the cut-off": -1, "on the cut-off": 0, "after the cut-off": 1}[lake]
    # a timestamp moves by a microsecond, a date by a day
    is_time = table.column(str(table.event_time or table.known_from)).data_type == "timestamp"
    moment = f"timestamp '{cut_off}' + interval ({step}) {'microsecond' if is_time else 'day'}"
    return f"cast({moment} as {column.data_type})"


def _known_before(domain: str, cut_off: date, lake: Lake) -> str:
    if lake == "hidden":
        return f"date '{cut_off}'"
    return (
        f"(select greatest(known_before, date '{cut_off + timedelta(days=2)}') "
        f"from built.control.control__knowledge where domain = '{domain}')"
    )


def _compared(
    connection: duckdb.DuckDBPyConnection, domain: str, cut_off: date, lake: Lake, relation: str
) -> Comparison:
    mart = f"built.{domain}.{domain}__churn_examples"
    described = connection.execute(f"describe {mart}").fetchall()
    names = [row[0] for row in described if "__" in row[0]] + ["customer_value", "due_on"]
    differs = {
        name: f"(mart.{name} is distinct from again.{name} or mart.customer_id is null"
        " or again.customer_id is null)"
        for name in names
    }
    joined = (
        f"from (select * from {mart} where as_of_date = date '{cut_off}') as mart "
        f"full join {relation} as again on mart.customer_id = again.customer_id"
    )
    counts = ", ".join(f"count(*) filter (where {differs[name]})" for name in names)
    rows, *found = connection.execute(
        f"select count(mart.customer_id), {counts} {joined}"
    ).fetchall()[0]
    examples = []
    for name in [name for name, count in zip(names, found, strict=True) if count][:3]:
        who, then, now = connection.execute(
            f"select coalesce(mart.customer_id, again.customer_id), mart.{name}, again.{name} "
            f"{joined} where {differs[name]} order by 1 limit 1"
        ).fetchall()[0]
        examples.append(f"{who}: {name} is {then} in the mart and {now} rebuilt")
    return Comparison(domain, cut_off, lake, rows, len(names), sum(found), tuple(examples))
