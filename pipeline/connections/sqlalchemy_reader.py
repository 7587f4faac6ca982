"""Reads tables of any other database that SQLAlchemy has a dialect for.

Tested with SQLite alone: Snowflake, BigQuery, MySQL and others go the same way and were not tried.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Select,
    Table,
    create_engine,
    func,
    inspect,
    or_,
    select,
)
from sqlalchemy import types as kinds
from sqlalchemy.exc import NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from pipeline.connections.reader import DatabaseColumn, RowWindow, refused, unreachable
from pipeline.project.databases import without_address
from pipeline.project.errors import ChurnError

# Rows of a batch on the way.
_BATCH = 20_000
_TRIED = "sqlite"
_ARROW = {
    "whole": pa.int64(),
    "number": pa.float64(),
    "day": pa.date32(),
    "moment": pa.timestamp("us"),
    "other": pa.string(),
}


@contextmanager
def connected(url: str, *, said: str) -> Iterator["SqlAlchemyReader"]:
    """Open a connection in a transaction.

    Args:
        url: The address.
        said: What is said of it.

    Raises:
        ChurnError: There is no driver, or the database does not answer or refuses.
    """
    scheme = url.partition("://")[0]
    try:
        engine = create_engine(url)
    except (NoSuchModuleError, ModuleNotFoundError, SQLAlchemyError) as error:
        raise ChurnError(
            f"There is no driver for {scheme}.",
            where=f"{said}: {without_address(str(error), url)}",
            hint="Install SQLAlchemy's dialect of that database into .venv, such as "
            "snowflake-sqlalchemy or sqlalchemy-bigquery; or export its tables to files.",
        ) from None
    try:
        try:
            connection = engine.connect()
        except SQLAlchemyError as error:
            raise unreachable(without_address(_cause(error), url), said) from None
        with connection:
            yield SqlAlchemyReader(connection, scheme.partition("+")[0])
    except SQLAlchemyError as error:
        raise refused(without_address(_cause(error), url), said) from None
    finally:
        engine.dispose()


class SqlAlchemyReader:
    """An open connection."""

    def __init__(self, connection: Connection, dialect: str) -> None:
        self._connection = connection
        self._tables: dict[str, Table] = {}
        self.note = (
            ""
            if dialect == _TRIED
            else f"this way to a database was not tried with {dialect}: compare what comes with "
            "the table"
        )

    def columns(self, table: str) -> dict[str, DatabaseColumn]:
        """Return a table's columns, in order; none if it is not there."""
        try:
            return {column.name: _column(column) for column in self._table(table).columns}
        except NoSuchTableError:
            return {}

    def primary_key(self, table: str) -> tuple[str, ...]:
        """Return the columns of its primary key."""
        return tuple(column.name for column in self._table(table).primary_key.columns)

    def tables(self) -> list[str]:
        """Return the tables and views of the schema that the address opens."""
        found = inspect(self._connection)
        return sorted([*found.get_table_names(), *found.get_view_names()])

    def read(self, table: str, names: Sequence[str], window: RowWindow) -> pa.RecordBatchReader:
        """Return rows in batches, as they come."""
        found = self._table(table)
        columns = [found.columns[name] for name in names]
        schema = pa.schema([(c.name, _arrow(_column(c))) for c in columns])
        rows = self._connection.execution_options(stream_results=True, yield_per=_BATCH).execute(
            _within(select(*columns), found, window)
        )

        def batches() -> Iterator[pa.RecordBatch]:
            for part in rows.partitions(_BATCH):
                values = zip(*part, strict=True)
                yield pa.record_batch(
                    [
                        pa.array([_plain(value, field.type) for value in column], field.type)
                        for column, field in zip(values, schema, strict=True)
                    ],
                    schema=schema,
                )

        return pa.RecordBatchReader.from_batches(schema, batches())

    def count(self, table: str, window: RowWindow) -> int:
        """Return how many rows a window has."""
        found = self._table(table)
        asked = _within(select(func.count()).select_from(found), found, window)
        return int(self._connection.execute(asked).scalar_one())

    def _table(self, table: str) -> Table:
        if table not in self._tables:
            schema, _, name = table.rpartition(".")
            self._tables[table] = Table(
                name, MetaData(), schema=schema or None, autoload_with=self._connection
            )
        return self._tables[table]


def _cause(error: SQLAlchemyError) -> str:
    """The driver's own words, without the statement and its values."""
    return str(getattr(error, "orig", None) or error)


def _column(column: Column[Any]) -> DatabaseColumn:
    kind = column.type
    said = str(kind).lower()
    if isinstance(kind, kinds.DateTime):
        return DatabaseColumn(said, "moment", is_zoned=bool(kind.timezone))
    if isinstance(kind, kinds.Date):
        return DatabaseColumn(said, "day")
    if isinstance(kind, kinds.Integer):
        return DatabaseColumn(said, "whole")
    if isinstance(kind, kinds.Float):
        return DatabaseColumn(said, "number")
    return DatabaseColumn(said, "other")


def _arrow(column: DatabaseColumn) -> pa.DataType:
    return pa.timestamp("us", tz="UTC") if column.is_zoned else _ARROW[column.sort]


def _plain(value: Any, kind: pa.DataType) -> Any:
    """A value as its Arrow type takes it; what has no type of its own comes as text."""
    if value is None or not pa.types.is_string(kind):
        if isinstance(value, datetime) and kind.tz and value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if isinstance(value, str) else str(value)


def _within(asked: Select[Any], table: Table, window: RowWindow) -> Select[Any]:
    if window.cursor is not None and window.since is not None:
        cursor = table.columns[window.cursor]
        asked = asked.where(or_(cursor >= window.since, cursor.is_(None)))
    if window.event is not None and window.events_since is not None:
        event, since = table.columns[window.event], window.events_since
        is_moment = isinstance(event.type, kinds.DateTime)
        asked = asked.where(event >= (_midnight(since) if is_moment else since))
    return asked


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)
