"""Checks and types the raw rows of a request, as ingest does with files.

The sources YAML defines valid values, and `pipeline.ingest.parse` how they are read. Here both
apply to JSON, and a bad value refuses the request, because a score from some of a customer's rows
would be silently wrong.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb

from pipeline.ingest.ids import Spelling, spell
from pipeline.ingest.parse import is_valid_sql, rejection_reason_sql, typed_value_sql
from pipeline.project.forgotten import forgotten_among
from pipeline.project.home import Home
from pipeline.project.sources import SourceColumn, SourceTable
from pipeline.realtime.errors import BadRowsError, Problem
from pipeline.warehouse.compiled_sql import json_literal

Row = Mapping[str, Any]

LONGEST_TEXT = 4_096
MOST_ROWS = 500_000
_MOST_PROBLEMS = 100
_SHOWN = 80


@dataclass(frozen=True)
class Customer:
    """A customer's full history from a request.

    Attributes:
        customer_id: Id; `check_customers` gives it the one spelling of the rules for ids.
        tables: Table of the sources YAML → its rows by the file's column names. A missing table
            is not observed; one without rows is observed to be empty.
    """

    customer_id: str
    tables: Mapping[str, Sequence[Row] | None]

    @property
    def given(self) -> frozenset[str]:
        """Names of the tables that were sent."""
        return frozenset(name for name, rows in self.tables.items() if rows is not None)


def check_customers(customers: Sequence[Customer], tables: Sequence[SourceTable]) -> list[Customer]:
    """Refuse what SQL cannot check: wrong shapes, mixed-up customers, nested values.

    Returns:
        The customers, with the one spelling of their ids.

    Raises:
        BadRowsError: With the first hundred problems.
    """
    found: list[Problem] = []
    spellings = _spellings(customers, tables)
    for problem in _problems(customers, {table.name: table for table in tables}, spellings):
        found.append(problem)
        if len(found) == _MOST_PROBLEMS:
            break
    if found:
        raise BadRowsError(found)
    return [
        replace(customer, customer_id=_spelt(customer.customer_id, spellings))
        for customer in customers
    ]


def check_nobody_forgotten(home: Home, domain: str, customers: Sequence[Customer]) -> None:
    """Refuse customers who were erased: they are not scored again.

    Raises:
        BadRowsError: There is one.
    """
    forgotten = forgotten_among(home, domain, [customer.customer_id for customer in customers])
    found = [
        Problem(("customers", place, "customer_id"), "asked to be forgotten and is not scored")
        for place, customer in enumerate(customers)
        if customer.customer_id in forgotten
    ]
    if found:
        raise BadRowsError(found)


def _spellings(customers: Sequence[Customer], tables: Sequence[SourceTable]) -> dict[str, Spelling]:
    """Return each id of the customers and of their rows that is text, with its spelling."""
    ids = {customer.customer_id for customer in customers}
    for table in tables:
        owner = table.id_column
        for customer in customers:
            rows = customer.tables.get(table.name)
            if owner and isinstance(rows, Sequence):
                ids |= {
                    str(row[owner])
                    for row in rows
                    if isinstance(row, Mapping)
                    and isinstance(row.get(owner), str | int | float)
                    and row[owner] != customer.customer_id
                }
    usable = [text for text in ids if not _text_problem(text)]
    return dict(zip(usable, spell(tables[0].domain, usable), strict=True))


def _spelt(text: str, spellings: Mapping[str, Spelling]) -> str:
    spelling = spellings.get(text)
    return (spelling and spelling.customer_id) or text


def _problems(
    customers: Sequence[Customer],
    tables: Mapping[str, SourceTable],
    spellings: Mapping[str, Spelling],
) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    rows_left = MOST_ROWS
    for place, customer in enumerate(customers):
        here: tuple[str | int, ...] = ("customers", place)
        sent = customer.customer_id
        spelling = spellings.get(sent)
        if problem := _text_problem(sent) or (spelling and spelling.reason):
            yield Problem((*here, "customer_id"), problem, shown(sent))
        first = seen.setdefault(_spelt(sent, spellings), place)
        if first != place:
            yield Problem(
                (*here, "customer_id"), f"is also customers[{first}]", shown(customer.customer_id)
            )
        for name in customer.tables:
            if name not in tables:
                known = ", ".join(tables)
                yield Problem((*here, name), f"there is no such table; tables are {known}")
        for name, table in tables.items():
            rows = customer.tables.get(name)
            if (rows is not None and not isinstance(rows, Sequence)) or isinstance(rows, str):
                yield Problem((*here, name), "is not a list of rows", shown(rows))
                continue
            if table.required and not rows:
                yield Problem((*here, name), "has no rows; the table is required")
            rows_left -= len(rows or ())
            if rows_left < 0:
                yield Problem((*here, name), f"more than {MOST_ROWS:,} rows in one request")
                return
            yield from _row_problems(sent, table, rows or (), (*here, name), spellings)


def _row_problems(
    customer_id: str,
    table: SourceTable,
    rows: Sequence[Row],
    where: tuple[str | int, ...],
    spellings: Mapping[str, Spelling],
) -> Iterator[Problem]:
    columns = {column.name: column for column in table.raw_columns}
    owner = table.id_column or ""
    required = {name for name, column in columns.items() if column.required and name != owner}
    for number, row in enumerate(rows):
        if not isinstance(row, Mapping):
            yield Problem((*where, number), "is not an object of columns and values", shown(row))
            continue
        for name in sorted(required - row.keys()):
            yield Problem((*where, number, name), "is missing; an empty value is null")
        for name, cell in row.items():
            kind = type(cell)
            if cell is None or kind is int or kind is bool or name not in columns:
                continue
            problem = None
            if kind is str:
                problem = _text_problem(cell)
            elif kind is not float:
                problem = "is not a single value"
            elif not math.isfinite(cell):
                problem = "not a finite number"
            if problem:
                yield Problem((*where, number, name), problem, shown(cell))
        whose = row.get(owner)
        if whose is None or whose == customer_id:
            continue
        if _spelt(str(whose), spellings) != _spelt(customer_id, spellings):
            yield Problem(
                (*where, number, owner),
                f"is not the customer_id {shown(customer_id)!r} of this customer",
                shown(whose),
            )


def _text_problem(text: str) -> str | None:
    if len(text) > LONGEST_TEXT:
        return f"longer than {LONGEST_TEXT:,} characters"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "not UTF-8 text"
    return "contains a NUL character" if "\0" in text else None


def shown(cell: Any) -> str:
    """Return a value shortened for a message."""
    text = cell[: _SHOWN + 1] if isinstance(cell, str) else repr(cell)[: _SHOWN + 1]
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def ignored_columns(
    customers: Sequence[Customer], tables: Sequence[SourceTable]
) -> dict[str, tuple[str, ...]]:
    """Return table → keys of its rows that are not its columns; they were ignored."""
    found = {}
    for table in tables:
        known = {column.name for column in table.raw_columns}
        odd = {
            shown(name)
            for customer in customers
            for row in customer.tables.get(table.name) or ()
            for name in row.keys() - known
        }
        if odd:
            found[table.name] = tuple(sorted(odd)[:20])
    return found


class Loader:
    """Loads the rows of a request into the lake's relations of an in-memory database.

    Args:
        connection: A cursor; `make_relations` has run on its database.
        tables: Tables of the domain that its features read.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, tables: Sequence[SourceTable]
    ) -> None:
        self._connection = connection
        self._tables = tables
        for table in tables:
            connection.execute(f"prepare load_{table.name} as {_load(table)}")
            if table.deduplicate:
                connection.execute(
                    f"prepare take_{table.name} as insert into lake.{table.identifier} "
                    f"select distinct {_taken(table)}"
                )

    @staticmethod
    def make_relations(
        connection: duckdb.DuckDBPyConnection, tables: Sequence[SourceTable]
    ) -> None:
        """Create the empty relations for loading rows.

        The lake's relations are views of them, because copying a few rows costs as much as many.
        Deduplicated tables are copies, since several models may read them.
        """
        connection.execute("create schema sent")
        for table in tables:
            typed = [f"{column.name} {column.data_type}" for column in table.columns]
            connection.execute(
                f"create table sent.{table.name} "
                f"(_customer integer, {', '.join(typed)}, _is_good boolean, _is_late boolean)"
            )
            kind = (
                f"table lake.{table.identifier} ({', '.join(typed)})"
                if table.deduplicate
                else f"view lake.{table.identifier} as select {_taken(table)}"
            )
            connection.execute(f"create {kind}")

    def load(
        self, customers: Sequence[Customer], places: Sequence[int], cut_off: date
    ) -> dict[int, dict[str, int]]:
        """Load customers' rows from before the cut-off, in the open transaction.

        Args:
            customers: Checked by `check_customers`.
            places: Each customer's place in the request.
            cut_off: Rows on or after it are left out.

        Returns:
            Place → table → number of rows left out because they are on or after the cut-off.

        Raises:
            BadRowsError: Values have the wrong type or are not allowed.
        """
        late: dict[int, dict[str, int]] = {}
        bad: list[Problem] = []
        for table in self._tables:
            rows = _cells(table, customers, places)
            if not rows:
                continue
            is_usable = True
            self._connection.execute(
                f"execute load_{table.name}({json_literal(rows)}, date '{cut_off}')"
            )
            loaded = Counter(self._connection.fetchall())
            for (place, good, after), count in loaded.items():
                is_usable = is_usable and good is not False
                if after:
                    counted = late.setdefault(place, {})
                    counted[table.name] = counted.get(table.name, 0) + count
            if not is_usable:
                bad += self._name_bad_values(table, rows, cut_off)
        if bad:
            bad.sort(key=lambda problem: [(isinstance(p, str), p) for p in problem.where])
            raise BadRowsError(bad[:_MOST_PROBLEMS])
        for table in self._tables:
            if table.deduplicate:
                self._connection.execute(f"execute take_{table.name}")
        return late

    def _name_bad_values(
        self, table: SourceTable, rows: list[dict[str, Any]], cut_off: date
    ) -> list[Problem]:
        """Read rows again to find what is wrong with each value."""
        values = " union all ".join(
            f"select _customer, _row, '{column.name}', {_raw(column)}, "
            f"{rejection_reason_sql(column, _raw(column), column.name)} as wrong from unfit"
            for column in table.raw_columns
        )
        found = self._connection.execute(
            f"with unfit as materialized (from ({_typed_rows(table)}) where not _is_good) "
            f"from ({values}) where wrong is not null order by 1, 2, 3 limit {_MOST_PROBLEMS}",
            [json.dumps(rows), cut_off],
        ).fetchall()
        return [
            Problem(
                ("customers", place, table.name, number, column),
                words,
                None if sent is None else shown(sent),
            )
            for place, number, column, sent, words in found
        ]


def _load(table: SourceTable) -> str:
    """SQL that loads the rows of a JSON text and returns whether each is good and late.

    The raw text of values is not loaded; it would double the columns.
    """
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    return (
        f"insert into sent.{table.name} "
        f"select _customer, {columns}, _is_good, _is_late from ({_typed_rows(table)}) "
        "returning _customer, _is_good, _is_late"
    )


def _typed_rows(table: SourceTable) -> str:
    """SQL that types the rows of a JSON text, $1, and keeps the text of each value.

    A row is good if every value has its type and is allowed, and late if it is on or after $2.
    """
    shape = {"_customer": "INTEGER", "_row": "INTEGER"}
    shape |= {column.name: "VARCHAR" for column in table.raw_columns}
    parsed = f"from_json(cast($1 as varchar), '[{json.dumps(shape)}]')"
    raws = ", ".join(
        f'nullif("{column.name}", \'\') as "raw_{column.name}"' for column in table.raw_columns
    )
    typed = ", ".join(
        f'{typed_value_sql(column, "text", _raw(column))} as "{column.name}"'
        for column in table.raw_columns
    )
    kept = ", ".join(
        f'cast("{column.date_of}" as date) as "{column.name}"'
        if column.date_of
        else f'"{column.name}"'
        for column in table.columns
    )
    good = " and ".join(
        f"({is_valid_sql(column, _raw(column), _typed(column))})" for column in table.raw_columns
    )
    raw_names = ", ".join(_raw(column) for column in table.raw_columns)
    day = table.event_day or table.event_time
    late = f"{day} >= cast($2 as date)" if day else "cast($2 as date) is null"
    return (
        f"select *, {late} as _is_late from ("
        f"select _customer, _row, {raw_names}, {kept}, {good} as _is_good from ("
        f"select _customer, _row, {raw_names}, {typed} from ("
        f"select _customer, _row, {raws} from (select unnest({parsed}, max_depth := 2)))))"
    )


def _taken(table: SourceTable) -> str:
    """The select list and source of the lake's relation."""
    columns = ", ".join(column.name for column in table.columns)
    return f"{columns} from sent.{table.name} where not _is_late"


def _raw(column: SourceColumn) -> str:
    return f'"raw_{column.name}"'


def _typed(column: SourceColumn) -> str:
    return f'"{column.name}"'


def _cells(
    table: SourceTable, customers: Sequence[Customer], places: Sequence[int]
) -> list[dict[str, Any]]:
    """Yield the rows of all customers with their places, and only the table's columns."""
    owner = table.id_column
    names = [column.name for column in table.raw_columns if column.name != owner]
    found = []
    for place, customer in zip(places, customers, strict=True):
        for number, row in enumerate(customer.tables.get(table.name) or ()):
            cells = {name: row[name] for name in names if name in row}
            cells["_customer"], cells["_row"] = place, number
            if owner:
                cells[owner] = customer.customer_id
            found.append(cells)
    return found
