"""Publishes: writes the serving tables into one file, checks it, then names it the current one."""

import json
import shutil
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pipeline.project.duck import listed, open_large, quoted
from pipeline.project.errors import ChurnError
from pipeline.project.files import empty_folder, sync
from pipeline.project.generations import (
    DATABASE,
    copy_for_others,
    current_file,
    name_current,
    offer,
    protect,
)
from pipeline.project.home import Home
from pipeline.project.stores import hash_generation
from pipeline.publish import kept as keeping
from pipeline.publish.csv_copies import ALWAYS, write_csv, write_mapped_csv
from pipeline.publish.customer_documents import can_look_up, write_look_up
from pipeline.publish.history import keep_history
from pipeline.realtime.bundle import write_bundle
from pipeline.retention.assignments import DRAWN, keep_assignments
from pipeline.retention.counts import Counts, StateCount, count_state
from pipeline.retention.overlay import latest, read_today
from pipeline.retention.plan import PLAN_SQL
from pipeline.warehouse.compiled_sql import kept, relations_read, write_models

# The files of a generation; when a new version adds one, another generation is published.
FORMAT = 9
SCHEMA = keeping.SCHEMA
GENERATIONS = 3
# The files that belong to a generation; others beside it are left alone.
_NAMED = f"churn_{8 * '[0-9]'}T{12 * '[0-9]'}_*"
# The table whose rows record when they changed.
STAMPED = "crm_churn_actions"
# The table that says which generation a file is.
PUBLICATION = "bi_publication"
# Drivers from version 1.1 on can open the file.
STORAGE = "v1.1.0"


@dataclass(frozen=True)
class GenerationInfo:
    """One published generation.

    Attributes:
        name: `churn_<time>_<fingerprint>`.
        path: The DuckDB file.
        fingerprint: Hash of the tables' inputs.
        tables: Table → rows.
        marts: Hash of what the warehouse's serving tables were built from.
        kept: Domains whose rows are those of the generation before.
        line: Names of the generations that were current, this one last.
        notes: What a reader of the kept rows should know.
        known: Domain → kind → how much of the state its rows were published with.
    """

    name: str
    path: Path
    fingerprint: str
    tables: dict[str, int]
    marts: str = ""
    kept: tuple[str, ...] = ()
    line: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    known: Mapping[str, Counts] = field(default_factory=dict)


def current(home: Home) -> GenerationInfo | None:
    """Return the current generation; None before the first publish."""
    path = current_file(home)
    if path is None:
        return None
    document = json.loads(path.with_suffix(".json").read_text())
    return GenerationInfo(
        path.stem,
        path,
        document["fingerprint"],
        document["tables"],
        document.get("marts", ""),
        tuple(document.get("kept", ())),
        tuple(document.get("line", ())),
        known={
            domain: {kind: StateCount(*count) for kind, count in counts.items()}
            for domain, counts in document.get("known", {}).items()
        },
    )


def publish(
    home: Home, fingerprint: str, *, marts: str = "", kept: Collection[str] = ()
) -> GenerationInfo:
    """Write the serving tables as a new generation and make it the current one.

    A publish that is killed at any point leaves the old generation intact: everything is written
    under a scratch name, and readers find it by the name in `current.json`, which is written last.

    It is put together by domain: the rows of kept domains are those of the current generation,
    with the do-not-contact of today, whatever the warehouse holds of them; a kept domain that was
    never published has none.

    Args:
        home: CHURN_HOME.
        fingerprint: Hash of the tables' inputs; part of the generation's name.
        marts: Hash of what the warehouse's serving tables were built from.
        kept: Domains that are not published anew.

    Raises:
        ChurnError: There is nothing to publish, the written tables differ from the source, or the
            rows of a kept domain do not fit today's columns.
    """
    name = f"churn_{datetime.now(UTC):%Y%m%dT%H%M%S%f}_{fingerprint[:8]}"
    live = current(home)
    kept, notes = sorted(kept), dict[str, tuple[str, ...]]()
    scratch = empty_folder(home.published / ".scratch")
    database = scratch / f"{name}.duckdb"
    with open_large(home, "publish") as connection:
        connection.execute("set enable_progress_bar = false")
        if home.warehouse.exists():
            connection.execute(f"attach {quoted(home.warehouse)} as warehouse (read_only)")
        else:
            # it is lost, and every domain keeps what is published of it
            connection.execute("attach ':memory:' as warehouse")
        connection.execute(f"attach {quoted(database)} as generation (storage_version '{STORAGE}')")
        connection.execute(f"create schema generation.{SCHEMA}")
        tables = built = keeping.tables_of(connection, "warehouse")
        if kept and live is not None:
            connection.execute(f"attach {quoted(live.path)} as published (read_only)")
            keeping.lay_over(connection, read_today(home))
            tables = sorted({*built, *keeping.kept_tables(connection, kept, built)})
        if not tables:
            raise ChurnError("Nothing to publish yet.", hint="Run `churn run` first.")
        copies = scratch / name
        copies.mkdir()
        now = _later_than_published(home)
        rows = {}
        for table in tables:
            source = f"warehouse.{SCHEMA}.{table}"
            if kept:
                source, notes[table] = _merged(connection, table, kept, live)
            source = _stamped(connection, table, source, name, now, kept)
            rows[table] = copy_table(connection, table, source, copies)
        if can_look_up(tables):
            write_look_up(connection, f"generation.{SCHEMA}", scratch / f"{name}.sqlite")
        if built:
            _copy_plan(connection, home, scratch / f"{name}.plan")
            write_bundle(connection, home, copies)
        drawn = _drawn(connection, kept)
        domains = _domains(connection, tables)
        connection.execute("detach generation")
    if live is not None:
        keeping.keep_bundle(live.path, copies, kept)
        keeping.keep_plan(live.path, scratch / f"{name}.plan", kept)
    with duckdb.connect(str(database), read_only=True) as check:
        for table, count in rows.items():
            found = check.execute(f"select count(*) from {SCHEMA}.{table}").fetchone()
            if found != (count,):
                raise ChurnError(f"{table} was written with {found} rows instead of {count}.")
    # before readers see it: an arm that is published but not kept could be drawn again
    keep_assignments(home, name, drawn)
    generation = GenerationInfo(
        name,
        home.published / database.name,
        fingerprint,
        rows,
        marts,
        tuple(kept),
        (*_line(home, live), name)[-GENERATIONS:],
        tuple(
            f"{table} of {', '.join(kept)} has no {', '.join(columns)} until they are published "
            "again"
            for table, columns in notes.items()
            if columns
        ),
        _known(home, domains, live, kept),
    )
    commit(home, generation, scratch)
    keep_history(home, generation.line)
    forget_old(home, generation)
    return generation


def _drawn(connection: duckdb.DuckDBPyConnection, kept: Collection[str]) -> list[tuple[Any, ...]]:
    """Return the arms that the warehouse's plans draw, of domains that are published anew."""
    there = connection.execute(
        "select count(*) from duckdb_tables() where database_name = 'warehouse' "
        "and schema_name = 'churn' and table_name = 'int_churn__assignments_drawn'"
    ).fetchone()
    if there != (1,):
        return []
    return connection.execute(
        f"select {', '.join(DRAWN)} from warehouse.churn.int_churn__assignments_drawn "
        "where not list_contains(?, domain) order by domain, customer_id",
        [list(kept)],
    ).fetchall()


def _domains(connection: duckdb.DuckDBPyConnection, tables: Collection[str]) -> list[str]:
    """Return the domains whose customers the generation lists."""
    if STAMPED not in tables:
        return []
    rows = connection.execute(
        f"select distinct domain from generation.{SCHEMA}.{STAMPED} order by domain"
    ).fetchall()
    return [row[0] for row in rows]


def _known(
    home: Home, domains: Collection[str], live: GenerationInfo | None, kept: Collection[str]
) -> dict[str, Counts]:
    """Return how much of the state the rows of each domain were published with.

    Rows that are kept know what they knew, where less of it is there now.
    """
    known: dict[str, Counts] = {}
    for domain in domains:
        now = count_state(home, domain)
        before = live.known.get(domain, {}) if live is not None and domain in kept else {}
        known[domain] = {
            kind: before[kind] if kind in before and count.is_less_than(before[kind]) else count
            for kind, count in now.items()
        }
    return known


def _line(home: Home, live: GenerationInfo | None) -> tuple[str, ...]:
    """Return the generations that were current; older publishes did not record them."""
    if live is None:
        return ()
    if live.line:
        return live.line
    whole = sorted(path.stem for path in home.published.glob(_NAMED) if _is_database(path))
    return (*(name for name in whole if name < live.name), live.name)


def _merged(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    kept: Collection[str],
    live: GenerationInfo | None,
) -> tuple[str, tuple[str, ...]]:
    """Return the rows to publish of a table where some domains are kept, and what they lack."""
    if live is not None:
        return keeping.merged(connection, table, kept)
    return keeping.built_alone(connection, table, kept), ()


def _later_than_published(home: Home) -> datetime:
    """Return the time of this publish, later than every time that readers have seen.

    Otherwise a clock that was set back would hide changes from readers that ask for newer rows.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    live = current(home)
    if live is None or STAMPED not in live.tables:
        return now
    with duckdb.connect(str(live.path), read_only=True) as connection:
        row = connection.execute(f"select max(updated_at) from {SCHEMA}.{STAMPED}").fetchone()
    newest: datetime | None = row[0] if row else None
    # one step for rows with the suppressions of today laid over, one for this publish
    return max(
        [now, *(seen + timedelta(microseconds=2) for seen in (newest, latest(home)) if seen)]
    )


def _stamped(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    source: str,
    name: str,
    now: datetime,
    kept: Collection[str],
) -> str:
    """Return the relation to copy, with what only a publish knows: its moment and its name."""
    is_new = f"domain not in ({listed(kept)})" if kept else "true"
    moment = f"cast('{now:%Y-%m-%d %H:%M:%S.%f}' as timestamp)"
    columns = {
        # a row that changed has no time yet
        STAMPED: f"""
            coalesce(first_seen_at, {moment}) as first_seen_at,
            coalesce(updated_at, {moment}) as updated_at,
            case when is_deleted then coalesce(deleted_at, {moment}) end as deleted_at
        """,
        # rows of a domain that is kept know where they come from
        PUBLICATION: f"""
            {quoted(name)} as generation,
            {moment} as published_at,
            case when {is_new} then {quoted(name)} else rows_of_generation
                end as rows_of_generation,
            case when {is_new} then {moment} else rows_published_at end as rows_published_at
        """,
    }.get(table)
    if columns is None:
        return source
    connection.execute(
        f"create or replace temp table stamped as select * replace ({columns}) from {source}"
    )
    return "stamped"


def copy_table(connection: duckdb.DuckDBPyConnection, table: str, source: str, copies: Path) -> int:
    """Copy one table with its comments, also as Parquet, and what a CRM reads as CSV.

    Returns:
        Its number of rows.
    """
    target = f"generation.{SCHEMA}.{table}"
    connection.execute(f"create table {target} as select * from {source} order by all")
    before, after = (_checksum(connection, relation) for relation in (source, target))
    if before != after:
        raise ChurnError(f"{table} changed while it was copied: {before} became {after}.")
    from_ = "warehouse" if table in keeping.tables_of(connection, "warehouse") else "published"
    for column, comment in connection.execute(
        "select column_name, comment from duckdb_columns() where database_name = ? "
        "and schema_name = ? and table_name = ? and comment is not null",
        [from_, SCHEMA, table],
    ).fetchall():
        connection.execute(f"comment on column {target}.{column} is {quoted(comment)}")
    for (comment,) in connection.execute(
        "select comment from duckdb_tables() where database_name = ? "
        "and schema_name = ? and table_name = ? and comment is not null",
        [from_, SCHEMA, table],
    ).fetchall():
        connection.execute(f"comment on table {target} is {quoted(comment)}")
    parquet = copies / f"{table}.parquet"
    connection.execute(f"copy {target} to {quoted(parquet)} (format parquet)")
    if table.startswith(ALWAYS):
        write_csv(connection, target, copies / f"{table}.csv")
        write_mapped_csv(connection, target, copies)
    return int(before[0])


def _copy_plan(connection: duckdb.DuckDBPyConnection, home: Home, folder: Path) -> None:
    """Copy the inputs of plans, so that trials with other settings do not need the warehouse."""
    models = kept(home, "plan")
    if models is None:
        return
    folder.mkdir()
    write_models(folder / PLAN_SQL, models)
    for relation in relations_read(models):
        connection.execute(
            f"copy (select * from warehouse.{relation} order by all) "
            f"to {quoted(folder / f'{relation}.parquet')} (format parquet)"
        )


def _checksum(connection: duckdb.DuckDBPyConnection, relation: str) -> tuple[int, int]:
    """Number of rows, and a checksum that does not depend on their order."""
    row = connection.execute(
        f"select count(*), coalesce(sum(cast(hash(t) as hugeint)), 0) from {relation} as t"
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always has a row
    return int(row[0]), int(row[1])


def commit(home: Home, generation: GenerationInfo, scratch: Path) -> None:
    """Move a generation's files into place and make it the published one."""
    document = {
        "generation": generation.name,
        "fingerprint": generation.fingerprint,
        "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
        # by which a file that was cut off is told
        "bytes": (scratch / generation.path.name).stat().st_size,
        "tables": generation.tables,
        "marts": generation.marts,
        "kept": generation.kept,
        "line": generation.line,
        "known": {
            domain: {kind: [count.rows, count.lifted] for kind, count in counts.items()}
            for domain, counts in generation.known.items()
        },
    }
    (scratch / f"{generation.name}.json").write_text(json.dumps(document, indent=1) + "\n")
    hash_generation(scratch / generation.path.name)
    protect(scratch)
    for written in scratch.rglob("*"):
        sync(written)
    # a disk that is too full for the copy stops the publish here
    copy = home.published / f".{DATABASE}.part"
    copy_for_others(scratch / generation.path.name, copy)
    # the database last: a generation with a database is complete
    for part in sorted(scratch.iterdir(), key=_is_database):
        part.replace(home.published / part.name)
    sync(home.published)
    name_current(
        home,
        generation.name,
        (name for name in generation.line if name != generation.name),
        published_at=document["published_at"],
    )
    offer(home, generation.name, copy)
    scratch.rmdir()


def forget_old(home: Home, live: GenerationInfo) -> None:
    """Delete all but the last generations that were current; open readers can finish.

    What a killed publish left is deleted too, since only one publish runs at a time: whole or not,
    it was never current, so it takes no place among those kept.
    """
    parts: dict[str, list[Path]] = defaultdict(list)
    for path in home.published.glob(_NAMED):
        parts[path.name.partition(".")[0]].append(path)
    for name in parts.keys() - set(live.line):
        # the database first, so that a partly deleted generation does not look complete
        for path in sorted(parts[name], key=_is_database, reverse=True):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _is_database(path: Path) -> bool:
    return path.suffix == ".duckdb"
