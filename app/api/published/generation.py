"""The published generation as requests read it: opened once, followed, never mixed."""

import asyncio
import json
import re
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from app.api.http.problems import ProblemError
from pipeline.project.duck import quoted, rows_of
from pipeline.project.home import Home

Row = dict[str, Any]
NAME = re.compile(r"churn_\d{8}T\d{12}_[0-9a-f]{1,8}")
# Older generations that pages of a list are still read from.
OLDER = 2
# What an open may be told while a publish replaces what it is about to open.
_ATTEMPTS = 5
_ATTACHED = "generation"


@dataclass(frozen=True)
class PublishedDomain:
    """A domain of a generation.

    Attributes:
        name: Domain.
        as_of_date: Cut-off that is scored.
        model_version: Training run behind every score.
        model_hash: SHA-256 of its model.
        row: Its row of bi_domains.
    """

    name: str
    as_of_date: date
    model_version: str
    model_hash: str
    row: Row


class OpenGeneration:
    """One open generation; a request keeps the one it began with to its end.

    Attributes:
        name: `churn_<time>_<fingerprint>`.
        path: The DuckDB file.
        published_at: When it was published, UTC.
        tables: Table → rows.
        domains: Domain → what is live.
    """

    def __init__(self, path: Path) -> None:
        document = json.loads(path.with_suffix(".json").read_text())
        self.name = path.stem
        self.path = path
        self.published_at = datetime.fromisoformat(document["published_at"]).astimezone(UTC)
        self.tables: Mapping[str, int] = document["tables"]
        self._connection = _open(path)
        self.domains: Mapping[str, PublishedDomain] = {
            row["domain"]: PublishedDomain(
                row["domain"], row["as_of_date"], row["run_id"], row["model_hash"], row
            )
            for row in self.rows("select * from serving.bi_domains order by domain")
        }

        self._look_up = _open_look_up(path.with_suffix(".sqlite"))
        self._shapes: dict[str, list[str]] = {}
        if self._look_up is not None:
            shapes = self._look_up.execute("select part, columns from shapes").fetchall()
            self._shapes = {part: json.loads(columns) for part, columns in shapes}
        self._choices: dict[tuple[str, ...], list[str]] = {}

    @property
    def plan_folder(self) -> Path | None:
        """What plans with other settings are made from; None where it was not published."""
        folder = self.path.with_suffix(".plan")
        return folder if folder.is_dir() else None

    def customer(self, domain: str, customer_id: str) -> Row | None:
        """Return what is published of a customer: risk, action, reasons and history.

        Microseconds: called on the event loop.

        Raises:
            ProblemError: 503, the generation was published without look-ups.
        """
        if self._look_up is None:
            raise ProblemError(
                503,
                "published-by-an-older-version",
                "What is published has no look-ups; `churn publish` publishes anew.",
                headers={"Retry-After": "600"},
            )
        found = self._look_up.execute(
            "select document from customers where domain = ? and customer_id = ?",
            (domain, customer_id),
        ).fetchone()
        if found is None:
            return None
        document: Row = json.loads(found[0])
        for part, columns in self._shapes.items():
            values = document[part]
            if values is not None:
                document[part] = (
                    [dict(zip(columns, row, strict=True)) for row in values]
                    if not values or isinstance(values[0], list)
                    else dict(zip(columns, values, strict=True))
                )
        return document

    def choices(self, table: str, column: str, domain: str) -> list[str]:
        """Return the values that a column has in a domain, sorted; kept in memory."""
        key = (table, column, domain)
        if key not in self._choices:
            self._choices[key] = [
                row["value"]
                for row in self.rows(
                    f"select distinct {column} as value from serving.{table} "
                    f"where domain = ? and {column} is not null order by 1",
                    [domain],
                )
            ]
        return self._choices[key]

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Return the rows of a query; each query has a cursor of its own."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"use {_ATTACHED}")
            return rows_of(cursor.execute(sql, list(parameters)))


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a generation beside an instance of its own.

    A file that is opened itself shares its instance with whoever opens it in this process, and
    whoever has other settings is refused.
    """
    connection = duckdb.connect()
    connection.execute(f"attach {quoted(path)} as {_ATTACHED} (read_only)")
    # bounds on what a list may take, and no other file can be read, whatever the SQL
    for setting in (
        "threads = 2",
        "memory_limit = '512MB'",
        "enable_progress_bar = false",
        "autoload_known_extensions = false",
        "enable_external_access = false",
    ):
        connection.execute(f"set {setting}")
    return connection


def _open_look_up(path: Path) -> sqlite3.Connection | None:
    if not path.exists():
        return None
    # immutable: a published file never changes, so nothing is locked or looked at twice
    return sqlite3.connect(
        f"{path.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
    )


class Reader:
    """Follows `published/current.duckdb`: one open generation, replaced when the link moves.

    Opening happens beside the requests; they get the old generation until the new one is open,
    and the old one closes with the last request that reads it.

    Attributes:
        preparations: Called with a new generation before any request gets it, in a thread; they
            must not raise.
    """

    def __init__(
        self, home: Home, on_swap: Callable[[OpenGeneration], object] | None = None
    ) -> None:
        self._link = home.published / "current.duckdb"
        self._on_swap = on_swap
        self.preparations: list[Callable[[OpenGeneration], object]] = []
        self._current: OpenGeneration | None = None
        self._older: OrderedDict[str, OpenGeneration] = OrderedDict()
        self._opening = threading.Lock()
        self._keeping = threading.Lock()

    def current(self) -> OpenGeneration:
        """Return the open generation.

        Raises:
            ProblemError: 503, nothing has been published yet.
        """
        found = self._current or self.refresh()
        if found is None:
            raise ProblemError(
                503,
                "nothing-published",
                "Nothing has been published yet: `churn run` makes and publishes the first "
                "generation.",
                headers={"Retry-After": "60"},
            )
        return found

    def refresh(self) -> OpenGeneration | None:
        """Open the generation behind the link if it is another one; return what is open."""
        with self._opening:
            for attempt in range(_ATTEMPTS):
                if not self._link.exists():
                    return self._current
                path = self._link.resolve()
                if self._current is not None and self._current.path == path:
                    return self._current
                try:
                    opened = OpenGeneration(path)
                except (OSError, duckdb.Error, sqlite3.OperationalError):
                    # several publishes later it is gone; the link names a newer one
                    if attempt == _ATTEMPTS - 1:
                        raise
                    continue
                for prepare in self.preparations:
                    prepare(opened)
                if self._current is not None:
                    with self._keeping:
                        self._keep(self._current)
                self._current = opened
                if self._on_swap is not None:
                    self._on_swap(opened)
                return opened
        return self._current

    def at(self, name: str) -> OpenGeneration | None:
        """Return a generation by name while it is kept, None when it is gone."""
        current = self._current
        if current is not None and current.name == name:
            return current
        path = self._link.parent / f"{name}.duckdb"
        if NAME.fullmatch(name) is None or not path.exists():
            return None
        with self._keeping:
            found = self._older.get(name)
            if found is None:
                try:
                    found = OpenGeneration(path)
                except (OSError, duckdb.Error, sqlite3.OperationalError):
                    return None
            self._keep(found)
            return found

    def _keep(self, generation: OpenGeneration) -> None:
        self._older[generation.name] = generation
        self._older.move_to_end(generation.name)
        while len(self._older) > OLDER:
            self._older.popitem(last=False)

    async def follow(self, seconds: float, on_error: Callable[[Exception], object]) -> None:
        """Look at the link for ever; opening happens in a thread. The same error is told once."""
        told: tuple[str, Path] | None = None
        while True:
            try:
                await asyncio.to_thread(self.refresh)
                told = None
            except Exception as error:
                if told != (found := (type(error).__name__, self._link.resolve())):
                    on_error(error)
                told = found
            await asyncio.sleep(seconds)
