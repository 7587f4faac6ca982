"""Brings the published generation to PostgreSQL, whole or not at all.

A sync loads the tables into a schema of the generation's own and turns the views of the schema
`serving` to them, in one transaction: who reads sees one generation, a sync that fails or is killed
leaves what was there, and views and grants of others on `serving` stay.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.destinations import postgres_sql
from pipeline.destinations.postgres_sql import CRM, LOG, READER, SERVING
from pipeline.project.databases import (
    POSTGRES,
    postgres_driver,
    without_password,
    without_secrets,
)
from pipeline.project.duck import name_sql, open_large, quoted
from pipeline.project.errors import ChurnError
from pipeline.project.generations import current_file
from pipeline.project.home import Home
from pipeline.project.serving_tables import Table, published_tables

# Rows of a batch on the way.
_BATCH = 100_000
# Milliseconds to wait for somebody who reads a view in a transaction of their own.
_LOCK_TIMEOUT = 60_000
# Any number of our own: two syncs wait for each other.
_LOCK = 7_402_018
# Days for which the log keeps the rows that changed.
_KEPT_DAYS = 90
_HINT = (
    "Nothing was changed there; the local generation stays. Fix it, then run `churn publish --to` "
    "again."
)

Cursor = Any


@dataclass
class Sync:
    """What a sync did, or would do.

    Attributes:
        generation: Name of the generation.
        address: The database without its password.
        rows: Table → rows.
        rejected: Table, key and reason of rows that PostgreSQL cannot hold.
        changes: new, changed and gone → rows of the CRM table.
        notes: What readers or administrators have to know.
        is_there: Whether the generation was brought last; nothing was done.
    """

    generation: str
    address: str
    rows: dict[str, int] = field(default_factory=dict)
    rejected: list[tuple[str, str, str]] = field(default_factory=list)
    changes: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    is_there: bool = False


def check_address(url: str) -> None:
    """Refuse an address that is not PostgreSQL's.

    Raises:
        ChurnError: It is another one, or the extra is not installed.
    """
    if not url.startswith(POSTGRES):
        raise ChurnError(
            "This destination is not known.",
            where=without_password(url),
            hint="Write postgresql://USER@HOST/DATABASE; the password comes from PGPASSWORD or "
            "~/.pgpass.",
        )
    postgres_driver()


def sync(home: Home, url: str, *, dry_run: bool = False) -> Sync:
    """Bring the published generation to a database.

    Args:
        home: CHURN_HOME with a published generation.
        url: Address of the database.
        dry_run: Only compare; nothing is written.

    Raises:
        ChurnError: Nothing is published, or the database refused.
    """
    check_address(url)
    path = current_file(home)
    if path is None:
        raise ChurnError("Nothing has been published yet.", hint="Run `churn run` first.")
    done = Sync(path.stem, without_password(url))
    with (
        open_large(home, "postgres", path) as published,
        _connected(url) as connection,
        connection.cursor() as cursor,
    ):
        _bring(published, cursor, done, dry_run=dry_run)
        if dry_run:
            connection.rollback()
        else:
            connection.commit()
    return done


def _bring(
    published: duckdb.DuckDBPyConnection, cursor: Cursor, done: Sync, *, dry_run: bool
) -> None:
    """Do all that is done in the transaction; without writing if it is a dry run."""
    cursor.execute(f"set local lock_timeout = {_LOCK_TIMEOUT}")
    cursor.execute(f"select pg_advisory_xact_lock({_LOCK})")
    cursor.fetchall()
    schema = postgres_sql.schema_of(done.generation)
    # an older generation that is current again still has its tables
    is_loaded = _exists(cursor, "pg_namespace where nspname", schema)
    done.is_there = is_loaded and _last_brought(cursor) == done.generation
    if done.is_there:
        return
    tables, described = _tables(published), published_tables()
    keys = {table.name: table.key for table in described}
    changes = _crm_changes(published, cursor)
    counted = Counter(changes.column("change").to_pylist())
    done.changes = {change: counted[change] for change in ("new", "changed", "gone")}
    if not dry_run:
        for statement in (
            *postgres_sql.LOG_TABLES,
            f"create schema if not exists {SERVING}",
            f"create schema if not exists {schema}",
        ):
            cursor.execute(statement)
    for table, columns in tables.items():
        view, notes = postgres_sql.view_sql(schema, table, columns, _view_columns(cursor, table))
        done.notes += notes
        rows = _whole_rows(published, table, columns, keys.get(table, ()), done)
        done.rows[table] = rows.count("*").fetchall()[0][0]
        if not dry_run and not is_loaded:
            cursor.execute(postgres_sql.table_sql(schema, table, columns))
            cursor.adbc_ingest(
                table, rows.to_arrow_reader(_BATCH), mode="append", db_schema_name=schema
            )
        if not dry_run:
            cursor.execute(view)
    if dry_run:
        return
    _describe(cursor, tables, described)
    _note(cursor, done, changes)
    _let_read(cursor, done)
    _drop_older(cursor, done, schema)


def _tables(published: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Table → its columns with their types in PostgreSQL."""
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in published.execute(
        "select table_name, column_name, data_type from duckdb_columns() "
        f"where schema_name = '{SERVING}' order by table_name, column_index"
    ).fetchall():
        tables.setdefault(table, {})[column] = postgres_sql.type_of(kind)
    return tables


def _whole_rows(
    published: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    key: Sequence[str],
    done: Sync,
) -> duckdb.DuckDBPyRelation:
    """Return the rows that PostgreSQL can hold; note those with a null byte in their text."""
    rows = published.table(f"{SERVING}.{table}")
    texts = [name_sql(name) for name, kind in columns.items() if kind == "text"]
    if not texts:
        return rows
    is_bad = " or ".join(f"coalesce(contains({text}, chr(0)), false)" for text in texts)
    keyed = ", ".join(f"{quoted(name)}, {name_sql(name)}" for name in key) or "'row', 'of no key'"
    bad = published.execute(
        f"select replace(json_object({keyed})::varchar, '\\u0000', '?') "
        f"from {SERVING}.{table} where {is_bad}"
    ).fetchall()
    done.rejected += [(table, one, "its text has a null byte") for (one,) in bad]
    return rows.filter(f"not ({is_bad})") if bad else rows


def _crm_changes(published: duckdb.DuckDBPyConnection, cursor: Cursor) -> pa.Table:
    """Return who is new in the CRM table, changed or gone, against the sync before."""
    before = pa.table({name: pa.array([], pa.string()) for name in ("domain", "id", "row_hash")})
    if _view_columns(cursor, CRM):
        cursor.execute(f"select domain, customer_id as id, row_hash from {SERVING}.{CRM}")
        before = cursor.fetch_arrow_table()
    published.register("crm_before", before)
    found: pa.Table = published.execute(
        f"""
        select
            coalesce(now.domain, crm_before.domain) as domain,
            coalesce(now.customer_id, crm_before.id) as customer_id,
            case
                when crm_before.id is null then 'new'
                when now.customer_id is null then 'gone'
                else 'changed'
            end as change
        from {SERVING}.{CRM} as now
        full outer join crm_before
            on now.domain = crm_before.domain and now.customer_id = crm_before.id
        where now.row_hash is distinct from crm_before.row_hash
        order by all
        """
    ).to_arrow_table()
    published.unregister("crm_before")
    return found


def _view_columns(cursor: Cursor, table: str) -> list[tuple[str, str]]:
    """Return the columns of a view that is there, with their types; none if there is none.

    Raises:
        ChurnError: A table of somebody else has the name.
    """
    cursor.execute(
        "select relkind::text from pg_class inner join pg_namespace "
        "on pg_class.relnamespace = pg_namespace.oid "
        f"where nspname = '{SERVING}' and relname = {quoted(table)}"
    )
    kinds = [kind for (kind,) in cursor.fetchall()]
    if kinds and kinds != ["v"]:
        raise ChurnError(
            f"The database has something named {SERVING}.{table} that is not a view.",
            hint="Rename it there: views of the published tables take that name. " + _HINT,
        )
    cursor.execute(
        "select attname::text, format_type(atttypid, atttypmod) from pg_attribute "
        f"where attrelid = to_regclass({quoted(f'{SERVING}.{name_sql(table)}')}) "
        "and attnum > 0 and not attisdropped order by attnum"
    )
    return [(name, kind) for name, kind in cursor.fetchall()]


def _describe(
    cursor: Cursor, tables: Mapping[str, Mapping[str, str]], described: Sequence[Table]
) -> None:
    """Make the view of changes, and put descriptions onto all views."""
    cursor.execute(postgres_sql.changes_view_sql())
    statements = [*postgres_sql.CHANGES_COMMENTS]
    for table in described:
        if table.name in tables:
            statements += postgres_sql.comments_sql(table, tables[table.name])
    for statement in statements:
        cursor.execute(statement)


def _note(cursor: Cursor, done: Sync, changes: pa.Table) -> None:
    """Write what the sync did into the log."""
    cursor.execute(f"select coalesce(max(sync_id), 0)::bigint + 1 from {LOG}.syncs")
    ((number,),) = cursor.fetchall()
    cursor.execute(
        f"insert into {LOG}.syncs values ({number}, {quoted(done.generation)}, now(), "
        f"{len(done.rows)}, {sum(done.rows.values())}, {len(done.rejected)}, {changes.num_rows})"
    )
    for table, key, reason in done.rejected:
        cursor.execute(
            f"insert into {LOG}.rejected_rows values "
            f"({number}, {quoted(table)}, {quoted(key)}, {quoted(reason)})"
        )
    if changes.num_rows:
        numbers = pa.array([number] * changes.num_rows, pa.int64())
        cursor.adbc_ingest(
            "crm_changes",
            changes.add_column(0, "sync_id", numbers),
            mode="append",
            db_schema_name=LOG,
        )
    cursor.execute(
        f"delete from {LOG}.crm_changes where sync_id in (select sync_id from {LOG}.syncs "
        f"where synced_at < now() - interval '{_KEPT_DAYS} days')"
    )


def _let_read(cursor: Cursor, done: Sync) -> None:
    """Give the role of readers the views; note it if we may not."""
    exists = _exists(cursor, "pg_roles where rolname", READER)
    cursor.execute("select rolcreaterole or rolsuper from pg_roles where rolname = current_user")
    ((may_create,),) = cursor.fetchall()
    if not exists and not may_create:
        done.notes.append(
            f"the role {READER} was not created, for which this user has no right: an "
            f"administrator runs `create role {READER} nologin` once"
        )
        return
    for statement in postgres_sql.reader_sql(exists):
        cursor.execute(statement)


def _drop_older(cursor: Cursor, done: Sync, schema: str) -> None:
    """Drop the generations before the last one; one on which somebody has a view stays."""
    cursor.execute("select nspname::text from pg_namespace order by nspname")
    found = [name for (name,) in cursor.fetchall() if postgres_sql.is_generation(name)]
    for older in [name for name in found if name < schema][:-1]:
        cursor.execute(postgres_sql.readers_sql(older))
        readers = [name for (name,) in cursor.fetchall()]
        if readers:
            done.notes.append(
                f"the older tables in {older} stay, since {', '.join(readers)} reads them there; "
                f"views should read {SERVING}"
            )
        else:
            cursor.execute(f"drop schema {older} cascade")


def _last_brought(cursor: Cursor) -> str | None:
    """Return the generation of the last sync."""
    cursor.execute(f"select generation from {LOG}.syncs order by sync_id desc limit 1")
    found = cursor.fetchall()
    return found[0][0] if found else None


def _exists(cursor: Cursor, place: str, name: str) -> bool:
    cursor.execute(f"select count(*) from {place} = {quoted(name)}")
    ((rows,),) = cursor.fetchall()
    return bool(rows)


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    """Open a connection in a transaction; every error of the database comes out in words."""
    driver = postgres_driver()
    try:
        connection = driver.connect(url)
    except driver.Error as error:
        raise ChurnError(
            "The database cannot be reached.",
            where=without_password(url),
            hint=without_secrets(str(error), url),
        ) from None
    try:
        with connection:
            yield connection
    except driver.Error as error:
        raise ChurnError(
            f"The database refused: {without_secrets(str(error), url)}",
            where=without_password(url),
            hint=_HINT,
        ) from None
