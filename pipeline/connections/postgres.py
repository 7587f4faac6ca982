"""Reads tables of PostgreSQL: Arrow batches by COPY, in one transaction that sees one moment."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from pipeline.connections.reader import (
    DatabaseColumn,
    RowWindow,
    Sort,
    refused,
    unreachable,
)
from pipeline.project.databases import postgres_driver, without_address
from pipeline.project.duck import name_sql, quoted

_SORTS: dict[str, Sort] = {
    "smallint": "whole",
    "integer": "whole",
    "bigint": "whole",
    "real": "number",
    "double precision": "number",
    "date": "day",
}
# Types that come as they are; all others come as text, which ingest reads: numeric with all its
# digits, uuid, enumerations.
_AS_THEY_ARE = ("smallint", "integer", "bigint", "real", "double precision", "date", "boolean")
# Tables, partitioned ones, views, materialised views, tables of other servers.
_KINDS = "('r', 'p', 'v', 'm', 'f')"


@contextmanager
def connected(url: str, *, said: str) -> Iterator["PostgresReader"]:
    """Open a read-only transaction that sees one moment.

    Args:
        url: The address.
        said: What is said of it.

    Raises:
        ChurnError: The server does not answer or refuses.
    """
    driver = postgres_driver()
    try:
        connection = driver.connect(url)
    except driver.Error as error:
        raise unreachable(without_address(str(error), url), said) from None
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
            # days in conditions are those of UTC, as in the lake
            cursor.execute("set local timezone to 'UTC'")
            yield PostgresReader(connection)
    except (driver.Error, OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of a file of ours; a broken stream has no number
        raise refused(without_address(str(error), url), said) from None


class PostgresReader:
    """An open transaction."""

    note = ""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._copying: Any = None

    def columns(self, table: str) -> dict[str, DatabaseColumn]:
        """Return a table's columns, in order; none if it is not there."""
        rows = self._rows(
            "select attname::text, format_type(atttypid, atttypmod) from pg_attribute "
            f"where attrelid = to_regclass({quoted(_table_sql(table))}) "
            "and attnum > 0 and not attisdropped order by attnum"
        )
        return {name: _column(kind) for name, kind in rows}

    def primary_key(self, table: str) -> tuple[str, ...]:
        """Return the columns of its primary key."""
        rows = self._rows(
            "select a.attname::text from pg_index as i cross join lateral "
            "unnest(i.indkey::int2[]) with ordinality as k (number, place) "
            "inner join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.number "
            f"where i.indisprimary and i.indrelid = to_regclass({quoted(_table_sql(table))}) "
            "order by k.place"
        )
        return tuple(name for (name,) in rows)

    def tables(self) -> list[str]:
        """Return the tables and views that can be read, as schema.name."""
        rows = self._rows(
            "select n.nspname::text || '.' || c.relname::text from pg_class as c "
            "inner join pg_namespace as n on n.oid = c.relnamespace "
            f"where c.relkind in {_KINDS} and n.nspname not like 'pg\\_%' "
            "and n.nspname <> 'information_schema' "
            "and has_schema_privilege(n.oid, 'usage') "
            "and has_table_privilege(c.oid, 'select') order by 1"
        )
        return [name for (name,) in rows]

    def read(self, table: str, names: Sequence[str], window: RowWindow) -> pa.RecordBatchReader:
        """Return rows in batches, as they come."""
        columns = self.columns(table)
        listed = ", ".join(_as_read(name, columns[name].kind) for name in names)
        # a stream ends with its cursor
        self._copying = self._connection.cursor()
        self._copying.execute(f"select {listed} from {_table_sql(table)}{_where(window)}")
        batches: pa.RecordBatchReader = self._copying.fetch_record_batch()
        return batches

    def count(self, table: str, window: RowWindow) -> int:
        """Return how many rows a window has."""
        ((rows,),) = self._rows(f"select count(*) from {_table_sql(table)}{_where(window)}")
        return int(rows)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _column(kind: str) -> DatabaseColumn:
    if kind.startswith("timestamp"):
        return DatabaseColumn(kind, "moment", is_zoned=kind.endswith("with time zone"))
    return DatabaseColumn(kind, _SORTS.get(kind, "other"))


def _as_read(name: str, kind: str) -> str:
    is_plain = kind in _AS_THEY_ARE or kind.startswith("timestamp")
    # infinity is not a moment, and comes out of a copy as one of the year 294247
    if re.match(r"timestamp|date", kind):
        return f"case when isfinite({name_sql(name)}) then {name_sql(name)} end as {name_sql(name)}"
    return name_sql(name) if is_plain else f"{name_sql(name)}::text as {name_sql(name)}"


def _where(window: RowWindow) -> str:
    conditions = []
    if window.cursor is not None and window.since is not None:
        name = name_sql(window.cursor)
        conditions.append(f"({name} >= {_value(window.since)} or {name} is null)")
    if window.event is not None and window.events_since is not None:
        # without a zone a moment is taken for one of UTC, as ingest does
        conditions.append(f"{name_sql(window.event)} >= {_value(window.events_since)}")
    return f" where {' and '.join(conditions)}" if conditions else ""


def _value(value: datetime | date | int) -> str:
    return str(value) if isinstance(value, int) else quoted(value.isoformat())


def _table_sql(table: str) -> str:
    return ".".join(map(name_sql, table.split(".")))
