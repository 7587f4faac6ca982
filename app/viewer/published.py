"""The published generation as it is now: one connection a generation, a cursor a query.

Do-not-contact marks are laid over the published tables, so that pages and files know them at once.
"""

import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import streamlit as st

from app.today import TodayReader
from pipeline.project.duck import quoted
from pipeline.project.home import Home, home
from pipeline.project.serving_tables import published_tables
from pipeline.publish.generation import current
from pipeline.retention.overlay import Today, actions_today_sql, customers_today_sql, fill

Row = dict[str, Any]

# `population_code` of `bi_model_quality_by_lead`: the cohort as it was known so many days earlier.
AS_OF_LEAD = "as_of_lead"
# Where tables stand with today's decisions laid over, by the names of the published ones.
_TODAY = "memory.today"


@dataclass(frozen=True)
class Published:
    """The generation that readers see now.

    Attributes:
        name: Name of the generation; rows of one are never shown for another.
        path: Its DuckDB file.
        published_at: When it was published, UTC.
    """

    name: str
    path: Path
    published_at: datetime


def published() -> Published | None:
    """Return the generation that is published, None before the first publish."""
    found = current(home())
    if found is None:
        return None
    # churn_<time>_<fingerprint>
    moment = datetime.strptime(found.name.split("_")[1], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    return Published(found.name, found.path, moment)


def prepare() -> None:
    """Open what is published before somebody asks for it; a page says what is wrong with it."""
    generation = published()
    if generation is not None:
        with suppress(duckdb.Error), _laid(str(generation.path)).connection.cursor() as cursor:
            cursor.execute("select count(*) from generation.serving.bi_customer_360").fetchall()


def rows(generation: Published, sql: str, *values: Any) -> pd.DataFrame:
    """Return a query's rows; the same query of the same generation is answered from memory.

    The page stops here with a message if an older version of the platform published the generation
    and what is asked for is not in it.

    Args:
        generation: What to read.
        sql: Select on tables of the schema `serving`, named without it. Those with actions know
            the do-not-contact marks of this moment.
        values: One for each `?`.
    """
    try:
        version = _lay_over(str(generation.path), today())
        return _rows(generation.name, version, str(generation.path), sql, values)
    except (duckdb.BinderException, duckdb.CatalogException):
        if not _is_older(generation):
            raise
        st.warning(
            "These figures were published by an older version, and this page needs more than "
            "they hold. Ask your data team to publish again.",
            icon=":material/update:",
        )
        st.stop()


def _is_older(generation: Published) -> bool:
    """Whether a generation lacks tables or columns that are published today."""
    there = set(
        _rows(
            generation.name,
            "",
            str(generation.path),
            "select distinct table_name || '.' || column_name as name from duckdb_columns() "
            "where database_name = 'generation'",
            (),
        )["name"]
    )
    tables = {name.partition(".")[0] for name in there}
    return any(
        f"{table.name}.{column.name}" not in there
        for table in published_tables()
        # a domain's own tables are only there once it was built
        if table.name in tables or table.name.startswith(("bi_retention_", "bi_churn_"))
        for column in table.columns
    )


def one(generation: Published, sql: str, *values: Any) -> Row | None:
    """Return a query's first row, None if there is none; nulls are None."""
    found = rows(generation, sql, *values)
    if found.empty:
        return None
    (row,) = found.head(1).to_dict("records")
    return {key: None if _is_null(value) else value for key, value in row.items()}


def columns(generation: Published, table: str) -> frozenset[str]:
    """Return the columns of a published table; earlier versions published fewer."""
    found = rows(
        generation,
        "select column_name from duckdb_columns() "
        "where database_name = 'generation' and table_name = ?",
        table,
    )
    return frozenset(found["column_name"])


class Titles(dict[str, str]):
    """What codes are called; a code without a title is its own."""

    def __missing__(self, code: str) -> str:
        return code


def titles(generation: Published, kind: str) -> Titles:
    """Return what the codes of a vocabulary are called.

    Args:
        generation: What to read.
        kind: Vocabulary of `bi_codes`, such as `reason`.
    """
    known = rows(generation, "select code, title from bi_codes where kind = ? order by code", kind)
    return Titles(zip(known["code"], known["title"], strict=True))


def _is_null(value: object) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or value != value


@st.cache_data(max_entries=300, max_size="200MB", show_spinner="Loading …")
def _rows(
    generation: str, marks: str, path: str, sql: str, values: tuple[Any, ...]
) -> pd.DataFrame:
    del generation, marks  # parts of the cache's key
    with _laid(path).connection.cursor() as cursor:
        cursor.execute(f"set search_path = '{_TODAY},generation.serving'")
        return cursor.execute(sql, values).df()


def today() -> Today:
    """Return what people have decided up to now."""
    return _reader(str(home().root)).current()


@st.cache_resource(max_entries=4, show_spinner=False)
def _reader(root: str) -> TodayReader:
    return TodayReader(Home(Path(root)))


class _Laid:
    """An open generation, and the decisions that are laid over it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.lock = threading.Lock()
        self.today: Today | None = None


def _lay_over(path: str, decided: Today) -> str:
    """Lay decisions over a generation; return their version."""
    laid = _laid(path)
    if laid.today is not decided:
        with laid.lock, laid.connection.cursor() as cursor:
            cursor.execute("begin")
            fill(cursor, decided, _TODAY)
            cursor.execute("commit")
            laid.today = decided
    return decided.version


@st.cache_resource(max_entries=2, show_spinner=False)
def _laid(path: str) -> _Laid:
    """Open a generation beside an instance of its own, bounded: viewers share the machine."""
    connection = duckdb.connect()
    connection.execute(f"attach {quoted(path)} as generation (read_only)")
    for setting in ("threads = 2", "memory_limit = '512MB'", "enable_external_access = false"):
        connection.execute(f"set {setting}")
    connection.execute(f"create schema {_TODAY}")
    fill(connection, Today(), _TODAY)
    crm = "generation.serving.crm_churn_actions"
    for table, sql in (
        ("bi_churn_actions", actions_today_sql),
        ("bi_customer_360", customers_today_sql),
    ):
        laid = sql(connection, f"generation.serving.{table}", crm, _TODAY)
        connection.execute(f"create view {_TODAY}.{table} as {laid}")
    return _Laid(connection)
