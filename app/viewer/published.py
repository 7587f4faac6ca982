"""The published generation: one connection a generation, a cursor a query."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import streamlit as st

from pipeline.project.duck import quoted
from pipeline.project.home import home
from pipeline.publish.generation import current

Row = dict[str, Any]

# `population_code` of `bi_model_quality_by_lead`: the cohort as it was known so many days earlier.
AS_OF_LEAD = "as_of_lead"


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
    """Return the generation behind the link, None before the first publish."""
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
        with suppress(duckdb.Error), _connection(str(generation.path)).cursor() as cursor:
            cursor.execute("select count(*) from generation.serving.bi_customer_360").fetchall()


def rows(generation: Published, sql: str, *values: Any) -> pd.DataFrame:
    """Return a query's rows; the same query of the same generation is answered from memory.

    Args:
        generation: What to read.
        sql: Select on tables of the schema `serving`, named without it.
        values: One for each `?`.
    """
    return _rows(generation.name, str(generation.path), sql, values)


def one(generation: Published, sql: str, *values: Any) -> Row | None:
    """Return a query's first row, None if there is none; nulls are None."""
    found = rows(generation, sql, *values)
    if found.empty:
        return None
    (row,) = found.head(1).to_dict("records")
    return {key: None if _is_null(value) else value for key, value in row.items()}


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
def _rows(generation: str, path: str, sql: str, values: tuple[Any, ...]) -> pd.DataFrame:
    with _connection(path).cursor() as cursor:
        cursor.execute("use generation.serving")
        return cursor.execute(sql, values).df()


@st.cache_resource(max_entries=2, show_spinner=False)
def _connection(path: str) -> duckdb.DuckDBPyConnection:
    """Open a generation beside an instance of its own, bounded: viewers share the machine."""
    connection = duckdb.connect()
    connection.execute(f"attach {quoted(path)} as generation (read_only)")
    for setting in ("threads = 2", "memory_limit = '512MB'", "enable_external_access = false"):
        connection.execute(f"set {setting}")
    return connection
