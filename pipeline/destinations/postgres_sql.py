"""What is made in PostgreSQL: a generation's tables, views that stay, comments, a log of syncs."""

import re
from collections.abc import Iterable, Mapping, Sequence

from pipeline.project.duck import name_sql, quoted
from pipeline.project.serving_tables import Table

# The schema of the views, as in the published file.
SERVING = "serving"
# What a sync knows of earlier ones.
LOG = "churn_sync"
READER = "churn_reader"
CRM = "crm_churn_actions"
CHANGES = "crm_churn_changes"
# DuckDB's type → PostgreSQL's; what is not here has the same name in both.
_TYPES = {"DOUBLE": "double precision", "VARCHAR": "text", "HUGEINT": "numeric(38, 0)"}

LOG_TABLES = (
    f"create schema if not exists {LOG}",
    f"""create table if not exists {LOG}.syncs (
        sync_id bigint primary key,
        generation text not null,
        synced_at timestamptz not null,
        tables integer not null,
        rows bigint not null,
        rejected_rows bigint not null,
        crm_changes bigint not null
    )""",
    f"""create table if not exists {LOG}.rejected_rows (
        sync_id bigint not null,
        table_name text not null,
        key text not null,
        reason text not null
    )""",
    f"""create table if not exists {LOG}.crm_changes (
        sync_id bigint not null,
        domain text not null,
        customer_id text not null,
        change text not null
    )""",
)


def schema_of(generation: str) -> str:
    """Return the schema of a generation's tables: its name in lower case."""
    return generation.lower()


def is_generation(schema: str) -> bool:
    """Return whether a schema is that of a generation."""
    return re.fullmatch(r"churn_\d{8}t\d+_[0-9a-f]+", schema) is not None


def type_of(kind: str) -> str:
    """Return PostgreSQL's name of one of DuckDB's types."""
    return _TYPES.get(kind, kind.lower())


def table_sql(schema: str, table: str, columns: Mapping[str, str]) -> str:
    """Return the statement that creates a table.

    Args:
        schema: Its schema.
        table: Its name.
        columns: Column → type in PostgreSQL.
    """
    listed = ", ".join(f"{name_sql(name)} {kind}" for name, kind in columns.items())
    return f"create table {schema}.{name_sql(table)} ({listed})"


def view_sql(
    schema: str, table: str, columns: Mapping[str, str], before: Sequence[tuple[str, str]]
) -> tuple[str, list[str]]:
    """Return the statement that replaces a view, and what readers of it have to know.

    A view that others stand on can be replaced if it keeps its columns, with their types, and gets
    new ones at the end. A column that the table has no more stays and is null.

    Args:
        schema: Schema of the generation.
        table: Name of the table and the view.
        columns: Column of the table → type in PostgreSQL.
        before: Columns and types of the view that is there; none if there is none.
    """
    notes, selected = [], []
    for name, kind in before:
        if name not in columns:
            selected.append(f"null::{kind} as {name_sql(name)}")
            notes.append(f"{table}.{name} is published no more; the view keeps it, always null")
        elif columns[name] != kind:
            selected.append(f"{name_sql(name)}::{kind} as {name_sql(name)}")
            notes.append(f"{table}.{name} is {columns[name]} now; the view keeps it as {kind}")
        else:
            selected.append(name_sql(name))
    known = {name for name, _ in before}
    selected += [name_sql(name) for name in columns if name not in known]
    return (
        f"create or replace view {SERVING}.{name_sql(table)} as "
        f"select {', '.join(selected)} from {schema}.{name_sql(table)}",
        notes,
    )


def changes_view_sql() -> str:
    """Return the statement that makes the view of the CRM rows that syncs changed."""
    return (
        f"create or replace view {SERVING}.{CHANGES} as "
        "select changes.sync_id, syncs.synced_at, changes.domain, changes.customer_id, "
        f"changes.change from {LOG}.crm_changes as changes "
        f"inner join {LOG}.syncs as syncs on changes.sync_id = syncs.sync_id"
    )


def comments_sql(table: Table, columns: Iterable[str]) -> list[str]:
    """Return the statements that put a table's descriptions onto its view."""
    view = f"{SERVING}.{name_sql(table.name)}"
    there = set(columns)
    return [
        f"comment on view {view} is {quoted(table.description)}",
        *(
            f"comment on column {view}.{name_sql(column.name)} is {quoted(column.description)}"
            for column in table.columns
            if column.name in there
        ),
    ]


CHANGES_COMMENTS = (
    f"comment on view {SERVING}.{CHANGES} is 'One row per sync and customer whose row of "
    "crm_churn_actions it brought, changed or took away. Join it with that table for the values.'",
    f"comment on column {SERVING}.{CHANGES}.change is 'new, changed or gone'",
)


def readers_sql(schema: str) -> str:
    """Return the query for what others built on the tables of a generation: its names."""
    return f"""
        select distinct views.oid::regclass::text as name
        from pg_depend
        inner join pg_class as tables on pg_depend.refobjid = tables.oid
        inner join pg_namespace on tables.relnamespace = pg_namespace.oid
        inner join pg_rewrite on pg_depend.objid = pg_rewrite.oid
        inner join pg_class as views on pg_rewrite.ev_class = views.oid
        where nspname = {quoted(schema)}
        union
        select conrelid::regclass::text
        from pg_constraint
        inner join pg_class as tables on pg_constraint.confrelid = tables.oid
        inner join pg_namespace on tables.relnamespace = pg_namespace.oid
        where nspname = {quoted(schema)}
        order by name
    """


def reader_sql(exists: bool) -> list[str]:
    """Return the statements that let the role of readers see the views and nothing else."""
    return [
        *([] if exists else [f"create role {READER} nologin"]),
        f"grant usage on schema {SERVING} to {READER}",
        f"grant select on all tables in schema {SERVING} to {READER}",
    ]
