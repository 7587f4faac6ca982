"""Opens the published generation and follows new ones; a request reads only one."""

import asyncio
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from app.api.http.problems import ProblemError
from app.today import TodayReader
from pipeline.project.duck import quoted, rows_of
from pipeline.project.generations import first_whole, named
from pipeline.project.home import Home
from pipeline.project.look_ups import DamagedLookUpsError, LookUps
from pipeline.project.serving_tables import shared_tables
from pipeline.retention.overlay import Today, actions_today_sql, crm_today_sql, fill
from pipeline.retention.plan import can_plan, kept_folder

Row = dict[str, Any]
NAME = re.compile(r"churn_\d{8}T\d{12}_[0-9a-f]{1,8}")
# Older generations kept open for the next pages of lists.
OLDER = 2
# Attempts to open a file that publishes may replace meanwhile.
_ATTEMPTS = 5
# What a file raises that is gone, cut off or changed.
_BROKEN = (OSError, ValueError, KeyError, duckdb.Error, DamagedLookUpsError)
_ATTACHED = "generation"
# Where today's decisions are, and the relations with them laid over, by their published names.
_LAID = "memory.main"
TODAY = {name: f"{_LAID}.{name}" for name in ("crm_churn_actions", "bi_churn_actions")}


@dataclass(frozen=True)
class PublishedDomain:
    """A domain whose scores are published.

    Attributes:
        name: Domain.
        as_of_date: Scored cut-off.
        model_version: Training run behind every score.
        model_hash: SHA-256 of its model.
        row: Its row in bi_domains.
    """

    name: str
    as_of_date: date
    model_version: str
    model_hash: str
    row: Row


class DamagedError(ProblemError):
    """A file of the published generation is damaged; the next request gets an older one."""

    def __init__(self, name: str) -> None:
        super().__init__(
            503,
            "damaged",
            f"A file of {name} is damaged. Ask again for the newest generation that is whole; "
            "`churn publish` writes a new one.",
            headers={"Retry-After": "1"},
        )


class OpenGeneration:
    """An open generation; a request keeps the one that it started with.

    Attributes:
        name: `churn_<time>_<fingerprint>`.
        path: The DuckDB file.
        published_at: When it was published, UTC.
        tables: Table → rows.
        domains: Domain → its live run, of domains whose scores are published.
        unscored: Domains that are set up and have no published scores.
        retired: Domains that are not set up any more, of which the CRM table has tombstones.
        is_damaged: A file of it was found to be damaged.
    """

    def __init__(self, path: Path) -> None:
        document = json.loads(path.with_suffix(".json").read_text())
        self.name = path.stem
        self.path = path
        self.is_damaged = False
        self.published_at = datetime.fromisoformat(document["published_at"]).astimezone(UTC)
        self.tables: Mapping[str, int] = document["tables"]
        self._connection = _open(path)
        rows = self.rows("select * from serving.bi_domains order by domain")
        self.domains: Mapping[str, PublishedDomain] = {
            row["domain"]: PublishedDomain(
                row["domain"], row["as_of_date"], row["run_id"], row["model_hash"], row
            )
            for row in rows
            if row["as_of_date"] is not None
        }
        self.unscored = tuple(row["domain"] for row in rows if row["as_of_date"] is None)
        synced = self.rows("select distinct domain from serving.crm_churn_actions order by domain")
        set_up = {row["domain"] for row in rows}
        self.retired = tuple(row["domain"] for row in synced if row["domain"] not in set_up)

        look_ups = path.with_suffix(".sqlite")
        self._look_ups = LookUps(look_ups) if look_ups.exists() else None
        self._choices: dict[tuple[str, ...], list[str]] = {}
        self._today: Today | None = None
        self._laying = threading.Lock()
        self.lay_over(Today())

    def lay_over(self, today: Today) -> None:
        """Lay the suppressions of today over the actions; nothing if they are laid over already.

        Afterwards the relations of `TODAY` have the published tables as they are now.
        """
        if self._today is today:
            return
        with self._laying, self._connection.cursor() as cursor:
            if self._today is today:
                return
            cursor.execute("begin")
            fill(cursor, today, _LAID)
            if self._today is None:
                crm = f"{_ATTACHED}.serving.crm_churn_actions"
                actions = f"{_ATTACHED}.serving.bi_churn_actions"
                cursor.execute(
                    f"create view {TODAY['crm_churn_actions']} as select * exclude (is_overlaid) "
                    f"from ({crm_today_sql(cursor, crm, _LAID)})"
                )
                cursor.execute(
                    f"create view {TODAY['bi_churn_actions']} as "
                    f"{actions_today_sql(cursor, actions, crm, _LAID)}"
                )
            cursor.execute("commit")
            self._today = today

    @property
    def today(self) -> Today:
        """The decisions that are laid over."""
        return self._today or Today()

    @property
    def names(self) -> list[str]:
        """All domains of this generation, scored or not, sorted."""
        return sorted({*self.domains, *self.unscored, *self.retired})

    def plan_folder(self, domain: str) -> Path | None:
        """Folder with the inputs of a domain's plans; None if it was not published."""
        folder = kept_folder(self.path.with_suffix(".plan"), domain)
        return folder if can_plan(folder) else None

    def customer(self, domain: str, customer_id: str) -> Row | None:
        """Return a customer's published document: risk, action, reasons and history.

        Takes microseconds, so it is called on the event loop.

        Raises:
            ProblemError: 503, the generation was published without look-ups, or is damaged.
        """
        if self._look_ups is None:
            raise ProblemError(
                503,
                "published-by-an-older-version",
                "The published generation has no look-ups. Run `churn publish` to publish again.",
                headers={"Retry-After": "600"},
            )
        try:
            found = next(self._look_ups.find(domain, [customer_id]), None)
        except DamagedLookUpsError:
            raise self._damaged() from None
        if found is None:
            return None
        document: Row = json.loads(found[1])
        for part, columns in self._look_ups.shapes.items():
            values = document[part]
            if values is not None:
                document[part] = (
                    [dict(zip(columns, row, strict=True)) for row in values]
                    if not values or isinstance(values[0], list)
                    else dict(zip(columns, values, strict=True))
                )
        return document

    def check_unknown(self, domain: str, customer_id: str) -> None:
        """Check that the tables do not know a customer either whom the look-ups do not know.

        Scans a table, so it is not called on the event loop.

        Raises:
            DamagedError: They do: the id has changed in the look-ups.
        """
        known = "select 1 from serving.bi_churn_history where domain = ? and customer_id = ?"
        if self.rows(f"{known} limit 1", (domain, customer_id)):
            raise self._damaged()

    def _damaged(self) -> DamagedError:
        self.is_damaged = True
        return DamagedError(self.name)

    def choices(self, table: str, column: str, domain: str) -> list[str]:
        """Return the distinct values of a column in a domain, sorted; cached."""
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

    def has_column(self, table: str, column: str) -> bool:
        """Return whether a published table has a column; earlier versions published fewer."""
        found = self.rows(
            "select 1 from duckdb_columns() where database_name = ? and table_name = ? "
            "and column_name = ?",
            [_ATTACHED, table, column],
        )
        return bool(found)

    @cached_property
    def lacking(self) -> list[str]:
        """Columns of today's tables that this generation was published without, sorted."""
        found = self.rows(
            "select table_name || '.' || column_name as name from duckdb_columns() "
            "where database_name = ?",
            [_ATTACHED],
        )
        published = {row["name"] for row in found}
        return sorted(
            f"{table.name}.{column.name}"
            for table in shared_tables()
            for column in table.columns
            if f"{table.name}.{column.name}" not in published
        )

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Return the rows of a query; each query uses its own cursor."""
        with self._connection.cursor() as cursor:
            cursor.execute(f"use {_ATTACHED}")
            try:
                return rows_of(cursor.execute(sql, list(parameters)))
            except duckdb.IOException:
                # DuckDB compares a checksum of each block
                raise self._damaged() from None


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a generation, attached to a separate DuckDB instance.

    Opening the file directly would share one instance among all users in this process, and DuckDB
    refuses users with other settings.
    """
    connection = duckdb.connect()
    connection.execute(f"attach {quoted(path)} as {_ATTACHED} (read_only)")
    # limits the resources of a query and forbids access to other files
    for setting in (
        "threads = 2",
        "memory_limit = '512MB'",
        "enable_progress_bar = false",
        "autoload_known_extensions = false",
        "enable_external_access = false",
    ):
        connection.execute(f"set {setting}")
    return connection


def _stamp(home: Home) -> int | None:
    """When the name of the published generation was written; None before the first publish."""
    try:
        return (home.published / "current.json").stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _files_of(path: Path) -> tuple[tuple[int, int] | None, ...]:
    """What tells that the files of a generation are other ones than before: put back, or whole."""
    found: list[tuple[int, int] | None] = []
    for suffix in (".duckdb", ".sqlite"):
        try:
            stat = path.with_suffix(suffix).stat()
            found.append((stat.st_mtime_ns, stat.st_size))
        except FileNotFoundError:
            found.append(None)
    return tuple(found)


class Reader:
    """Follows `published/current.json`: opens the new generation when it names another.

    Requests get the old generation until the new one is open; the old one closes with the last
    request that reads it. In place of a damaged one they get the newest that is whole.

    Attributes:
        damaged: Name of the published generation, if it is damaged or gone; None if it is whole.
        preparations: Called in a thread with a new generation before requests get it; must not
            raise.
    """

    def __init__(
        self, home: Home, on_swap: Callable[[OpenGeneration], object] | None = None
    ) -> None:
        self._home = home
        self._on_swap = on_swap
        self.preparations: list[Callable[[OpenGeneration], object]] = []
        self.damaged: str | None = None
        # files that were found to be damaged in reading; they are not opened again as they are
        self._unreadable: tuple[tuple[int, int] | None, ...] | None = None
        self._current: OpenGeneration | None = None
        self._older: OrderedDict[str, OpenGeneration] = OrderedDict()
        self._today = TodayReader(home)
        self._opening = threading.Lock()
        self._keeping = threading.Lock()

    def current(self) -> OpenGeneration:
        """Return the open generation.

        Raises:
            ProblemError: 503, nothing has been published yet, or nothing that is published is
                whole.
        """
        found = self._current
        if found is None or found.is_damaged:
            found = self.refresh()
        if found is None and self.damaged is not None:
            raise DamagedError(self.damaged)
        if found is None:
            raise ProblemError(
                503,
                "nothing-published",
                "Nothing has been published yet. Run `churn run` to publish the first generation.",
                headers={"Retry-After": "60"},
            )
        return found

    def laid_over(self, generation: OpenGeneration) -> OpenGeneration:
        """Return a generation with the suppressions of this moment laid over."""
        generation.lay_over(self._today.current())
        return generation

    def refresh(self) -> OpenGeneration | None:
        """Open the generation that is published if it is another one; return the open one."""
        with self._opening:
            for attempt in range(_ATTEMPTS):
                names = named(self._home)
                path = first_whole(self._home, names)
                if path is None:
                    self.damaged = next(iter(names), None)
                    return self._current
                if self._current is not None and self._current.is_damaged:
                    self.damaged, self._unreadable = (
                        self._current.name,
                        _files_of(self._current.path),
                    )
                    self._current = None
                if path.stem == self.damaged and self._unreadable == _files_of(path):
                    return self._current or self._open_older()
                if self._current is not None and self._current.path == path:
                    return self._current
                try:
                    opened = OpenGeneration(path)
                except _BROKEN:
                    # it was deleted by later publishes, which name a newer one
                    if attempt < _ATTEMPTS - 1:
                        continue
                    self.damaged, self._unreadable = path.stem, _files_of(path)
                    if self._current is None and self._open_older() is not None:
                        return self._current
                    raise
                # deleted, cut off, or whole
                self.damaged = names[0] if names[0] != path.stem else None
                return self._swap(opened)
        return self._current

    def _open_older(self) -> OpenGeneration | None:
        """Open the newest generation that is whole in place of the published one."""
        for path in sorted(self._home.published.glob("churn_*.duckdb"), reverse=True):
            if NAME.fullmatch(path.stem) is None or path.stem == self.damaged:
                continue
            try:
                return self._swap(OpenGeneration(path))
            except _BROKEN:
                continue
        return None

    def _swap(self, opened: OpenGeneration) -> OpenGeneration:
        for prepare in self.preparations:
            prepare(opened)
        if self._current is not None:
            with self._keeping:
                self._keep(self._current)
        self._current = opened
        if self._on_swap is not None:
            self._on_swap(opened)
        return opened

    def at(self, name: str) -> OpenGeneration | None:
        """Return a generation by name, None if it is no longer kept."""
        current = self._current
        if current is not None and current.name == name:
            return current
        path = self._home.published / f"{name}.duckdb"
        if NAME.fullmatch(name) is None or not path.exists():
            return None
        with self._keeping:
            found = self._older.get(name)
            if found is None:
                try:
                    found = OpenGeneration(path)
                except _BROKEN:
                    return None
            self._keep(found)
            return found

    def _keep(self, generation: OpenGeneration) -> None:
        self._older[generation.name] = generation
        self._older.move_to_end(generation.name)
        while len(self._older) > OLDER:
            self._older.popitem(last=False)

    async def follow(self, seconds: float, on_error: Callable[[Exception], object]) -> None:
        """Look for a new one forever, and open it in a thread. A repeated error is logged once."""
        last_error: tuple[str, int | None] | None = None
        while True:
            try:
                await asyncio.to_thread(self.refresh)
                last_error = None
            except Exception as error:
                # once for each generation that is published
                found = type(error).__name__, _stamp(self._home)
                if last_error != found:
                    on_error(error)
                last_error = found
            await asyncio.sleep(seconds)
