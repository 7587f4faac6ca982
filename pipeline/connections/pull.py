"""Pulls what is new of a domain: all tables of a database as of one moment, or none; or files."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.connections.compare import (
    RowCounts,
    TablePull,
    compare_rows,
    has_same_rows,
    load_rows,
    write_all_rows,
    write_changes,
    write_new_rows,
)
from pipeline.connections.landing import (
    Landing,
    PulledState,
    PulledUpTo,
    file_name,
    snapshot_name,
)
from pipeline.connections.opening import opened, shown
from pipeline.connections.reader import DatabaseColumn, DatabaseReader, RowWindow, write_batches
from pipeline.connections.schema import check_columns, read_columns
from pipeline.connections.stores import CopiedFiles, copy_new_files
from pipeline.connections.window import furthest, next_window
from pipeline.ingest.discover import listed_names
from pipeline.project.clock import today
from pipeline.project.connection_settings import ConnectedTable, ConnectionSettings, is_store
from pipeline.project.databases import resolved
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.failures import in_words
from pipeline.project.files import empty_folder, move_durably
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable, source_tables

# Microseconds by which another database may round a moment.
_ROUNDED = 1_000_000


@dataclass(frozen=True)
class PulledTable:
    """What a pull brought of a table.

    Attributes:
        name: The table of the sources YAML.
        table: The table of the database.
        counts: Its rows.
        file: Name of the new file for ingest; None without one.
        before: Rows from before the connection, which were left in the database.
        is_first: Whether it is the table's first pull.
        reason: Why its history from before the connection is taken as it is.
        notes: What changed in its columns.
    """

    name: str
    table: str
    counts: RowCounts
    file: str | None
    before: int = 0
    is_first: bool = False
    reason: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pull:
    """What a pull brought.

    Attributes:
        domain: The domain.
        address: What may be said of the address.
        folder: The folder that ingest reads.
        tables: By table.
        note: What has to be said of the way to this database.
        copied: What was found in an object store; None of a database.
    """

    domain: str
    address: str
    folder: Path
    tables: tuple[PulledTable, ...]
    note: str = ""
    copied: CopiedFiles | None = None

    @property
    def warnings(self) -> list[str]:
        """What somebody has to look at."""
        found = [self.note] if self.note else []
        if self.copied and self.copied.gone:
            found.append(
                f"{self.address}: {listed_names(self.copied.gone)} are no longer there. Their rows "
                "stay in the lake, since they were known: churn ingest --remove FILE takes them out"
            )
        for one in self.tables:
            found += one.notes
            counts = one.counts
            if counts.deleted:
                found.append(
                    f"{one.table}: {counts.deleted:,} rows are deleted there. They stay in the "
                    f"lake, since they were known; they are listed in {_changes_of(self, one)}"
                )
            if counts.already:
                found.append(
                    f"{one.table}: {counts.already:,} rows had become what `becomes` names before "
                    "they were first seen: what they were until then is not known"
                )
            if one.before:
                found.append(
                    f"{one.table}: {one.before:,} rows are from before this connection. They say "
                    "what is true today, like a snapshot, and were left in the database. If none "
                    "of them was ever overwritten, declare history: append_only with a reason, "
                    "and the next pull brings them"
                )
        return found


def _changes_of(pull: Pull, table: PulledTable) -> str:
    return f"{pull.folder.parent / 'changes'}, churn_change = 'deleted', of {table.name}"


@dataclass
class _Staged:
    """Finished files by the place that they will have, and the state that they make."""

    files: dict[Path, Path] = field(default_factory=dict)
    tables: dict[str, PulledUpTo] = field(default_factory=dict)
    done: list[PulledTable] = field(default_factory=list)


def connection_of(domain: str) -> ConnectionSettings:
    """Return the connection of a domain's entry.

    Raises:
        ChurnError: It has none.
    """
    connection = domain_entries()[domain].connection
    if connection is None:
        raise ChurnError(
            f"{domain} has no connection.",
            where=f"dbt_project.yml: vars.churn_domains.{domain}",
            hint="Add `connection` with url and tables; docs/your-own-domain.md shows one. Files "
            f"are read by churn ingest --domain {domain} --raw DIR.",
        )
    return connection


def pull(domain: str, home: Home) -> Pull:
    """Read what is new and put it where ingest reads it. Nothing moves before all is on disk.

    Args:
        domain: A domain with a connection.
        home: CHURN_HOME; the caller has its lock.

    Raises:
        ChurnError: The database cannot be read, or a table is not what the domain needs. What was
            pulled before is as it was, and the next pull begins there.
    """
    connection = connection_of(domain)
    address = resolved(connection.url)
    if (misfit := connection.misfit(address)) is not None:
        raise ChurnError(
            misfit[0],
            where=f"dbt_project.yml: vars.churn_domains.{domain}.connection.tables",
            hint=misfit[1],
        )
    landing = Landing(home, domain)
    if is_store(address):
        return _pull_files(domain, home, address, shown(connection.url), landing)
    sources = _sources(domain, connection)
    state = landing.read_state()
    landing.remove_unfinished(state)
    staged = _Staged()
    try:
        with _scratch(home) as scratch, opened(connection.url) as reader:
            note = reader.note
            tables = {
                name: reader.columns(settings.table) for name, settings in connection.tables.items()
            }
            # of all tables, before a row of any is read
            notes = {
                name: check_columns(settings, sources[name], tables[name], state.tables.get(name))
                for name, settings in connection.tables.items()
            }
            for name, settings in connection.tables.items():
                bringing = _Bringing(
                    home, landing, state, reader, scratch, settings, sources[name], tables[name]
                )
                bringing.bring(staged, tuple(notes[name]))
            for target, part in staged.files.items():
                move_durably(part, target)
    except duckdb.Error as error:
        raise in_words(error) or ChurnError(
            "DuckDB failed while comparing rows.",
            where=str(error).partition("\n")[0],
            hint="Check free disk space and memory, then pull again: nothing is lost.",
        ) from error
    except OSError as error:
        raise _unwritable(error, landing) from error
    landing.write_state(
        PulledState(number=state.number + 1, tables={**state.tables, **staged.tables})
    )
    return Pull(domain, shown(connection.url), landing.files, tuple(staged.done), note)


def _pull_files(domain: str, home: Home, address: str, said: str, landing: Landing) -> Pull:
    try:
        with _scratch(home) as scratch:
            copied = copy_new_files(address, said, home, source_tables(domain), scratch)
    except OSError as error:
        raise _unwritable(error, landing) from error
    return Pull(domain, said, landing.files, (), copied=copied)


def _unwritable(error: OSError, landing: Landing) -> ChurnError:
    return ChurnError(
        f"A file or folder cannot be written: {error.strerror or error}.",
        where=str(error.filename or landing.root),
        hint="Free disk space or fix the permissions, and pull again: nothing is lost.",
    )


@dataclass(frozen=True)
class _Bringing:
    """Reads one table into scratch."""

    home: Home
    landing: Landing
    state: PulledState
    reader: DatabaseReader
    scratch: Path
    settings: ConnectedTable
    source: SourceTable
    columns: dict[str, DatabaseColumn]

    def bring(self, staged: _Staged, notes: tuple[str, ...]) -> None:
        name, settings = self.source.name, self.settings
        before = self.state.tables.get(name)
        cursor = self.columns[settings.cursor] if settings.cursor else None
        window = next_window(settings, self.source, cursor, before, today())
        names = read_columns(settings, self.source, self.columns)
        rows, comparable = self._read(names, window, "rows"), self._comparable(names, before)
        pull = TablePull(
            self.home,
            settings,
            self.source,
            {one: self.columns[one] for one in names},
            self._compared(comparable),
            rows,
            self.landing.earlier(name),
        )
        folder = empty_folder(self.scratch / name)
        # on disk: the rows of a first pull may be more than fit into memory
        with duckdb.connect(folder / "compare.duckdb") as con:
            con.execute("set timezone = 'UTC'")
            read = load_rows(con, pull)
            if settings.snapshot:
                counts, file = self._snapshot(con, pull, read, folder, staged)
            else:
                counts, file = self._rows(con, pull, window, cursor, folder, staged)
        rows.unlink()
        upto = PulledUpTo(
            connected_on=before.connected_on if before else today(),
            is_whole=window.events_since is None,
            cursor=max(
                (
                    one
                    for one in (counts.cursor, before.cursor if before else None)
                    if one is not None
                ),
                default=None,
            ),
            columns={column: found.kind for column, found in self.columns.items()},
            comparable=comparable,
        )
        staged.tables[name] = upto
        staged.done.append(
            PulledTable(
                name,
                settings.table,
                counts,
                file,
                before=self._left(window) if before is None else 0,
                is_first=before is None,
                reason=settings.reason,
                notes=notes,
            )
        )

    def _read(self, names: list[str], window: RowWindow, what: str) -> Path:
        path = self.scratch / f"{self.source.name}-{what}.parquet"
        write_batches(self.reader.read(self.settings.table, names, window), path)
        return path

    def _comparable(self, names: list[str], before: PulledUpTo | None) -> dict[str, int]:
        """Column → number of the pull from which on it is read with the type that it has."""
        number = self.state.number + 1
        was, since = (before.columns, before.comparable) if before else ({}, {})
        return {
            name: since.get(name, number) if was.get(name) == self.columns[name].kind else number
            for name in names
        }

    def _compared(self, comparable: dict[str, int]) -> dict[str, int]:
        # that only the cursor has moved is not a change of the row
        known = {column.in_files for column in self.source.raw_columns}
        known |= {self.settings.becomes.column} if self.settings.becomes else set()
        return {name: since for name, since in comparable.items() if name in known}

    def _snapshot(
        self,
        con: duckdb.DuckDBPyConnection,
        pull: TablePull,
        read: int,
        folder: Path,
        staged: _Staged,
    ) -> tuple[RowCounts, str | None]:
        part, target = folder / "rows.parquet", self.landing.files / snapshot_name(pull.source.name)
        write_all_rows(con, pull, part)
        if read == 0 or (target.exists() and has_same_rows(con, part, target)):
            return RowCounts(read), None
        staged.files[target] = part
        return RowCounts(read, new=read), target.name

    def _rows(
        self,
        con: duckdb.DuckDBPyConnection,
        pull: TablePull,
        window: RowWindow,
        cursor: DatabaseColumn | None,
        folder: Path,
        staged: _Staged,
    ) -> tuple[RowCounts, str | None]:
        keys = None
        if self.settings.deletes == "full" and window.since is not None:
            whole = RowWindow(event=window.event, events_since=window.events_since)
            keys = self._read(list(self.settings.key or ()), whole, "keys")
        limit = furthest(cursor, datetime.now(UTC)) if cursor else 0
        since = None if window.since is None else _position_of(window)
        counts = compare_rows(con, pull, since=since, keys=keys, limit=limit)
        file = file_name(pull.source.name, self.state.number + 1)
        if counts.updated or counts.deleted:
            write_changes(con, pull, folder / "changes.parquet", today())
            staged.files[self.landing.changes / file] = folder / "changes.parquet"
        if not counts.new and not counts.events:
            return counts, None
        write_new_rows(con, pull, folder / "rows.parquet")
        staged.files[self.landing.files / file] = folder / "rows.parquet"
        return counts, file

    def _left(self, window: RowWindow) -> int:
        """Rows from before the connection, which are not read."""
        if window.events_since is None:
            return 0
        table = self.settings.table
        return self.reader.count(table, RowWindow()) - self.reader.count(table, window)


def _position_of(window: RowWindow) -> int:
    """The place of the cursor from which on a row that did not come is gone.

    A moment may be rounded on its way into the condition: the first second says nothing.
    """
    since = window.since
    if isinstance(since, int):
        return since
    assert since is not None  # noqa: S101 - asked for with one only
    moment = pa.scalar(since, pa.timestamp("us")) if not getattr(since, "tzinfo", None) else None
    return int((moment or pa.scalar(since, pa.timestamp("us", "UTC"))).value) + _ROUNDED


def _sources(domain: str, connection: ConnectionSettings) -> dict[str, SourceTable]:
    sources = {table.name: table for table in source_tables(domain)}
    for name in connection.tables:
        if name not in sources:
            raise ChurnError(
                f"The sources of {domain} have no table {name!r}.",
                where=f"dbt_project.yml: vars.churn_domains.{domain}.connection.tables.{name}",
                hint=f"Tables are: {', '.join(sources)}.",
            )
    return sources


@contextmanager
def _scratch(home: Home) -> Iterator[Path]:
    """Give a folder on the file system of the landing; what a killed pull left goes."""
    for left in home.work.glob("pull-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = empty_folder(home.work / f"pull-{os.getpid()}")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
