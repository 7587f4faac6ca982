"""Writes the published generation again without some customers, and deletes all older ones."""

import shutil
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from pipeline.project.duck import file_sql, listed, open_large, quoted
from pipeline.project.files import empty_folder
from pipeline.project.home import Home
from pipeline.publish.customer_documents import can_look_up, write_look_up
from pipeline.publish.generation import (
    PUBLICATION,
    SCHEMA,
    STORAGE,
    commit,
    copy_table,
    current,
    forget_old,
)
from pipeline.publish.kept import tables_of
from pipeline.retention.counts import count_state

_NUMBER, _CUSTOMER = "customer_number", "customer_id"


def publish_without(home: Home, domain: str, customers: Collection[str]) -> str | None:
    """Publish the current generation again without customers; the rows of everybody else stay.

    Call it when they are out of the state: the generation records how much of it there is.

    Returns:
        The name of the new generation; None where nothing is published.
    """
    live = current(home)
    if live is None:
        return None
    now = datetime.now(UTC).replace(tzinfo=None)
    name = f"churn_{now:%Y%m%dT%H%M%S%f}_{live.fingerprint[:8]}"
    scratch = empty_folder(home.published / ".scratch")
    copies, rows = scratch / name, {}
    copies.mkdir()
    with open_large(home, "publish") as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(f"attach {quoted(live.path)} as published (read_only)")
        connection.execute(
            f"attach {quoted(scratch / f'{name}.duckdb')} as generation "
            f"(storage_version '{STORAGE}')"
        )
        connection.execute(f"create schema generation.{SCHEMA}")
        tables = tables_of(connection, "published")
        for table in tables:
            source = _without(connection, f"published.{SCHEMA}.{table}", domain, customers)
            if table == PUBLICATION:
                source = (
                    f"(select * replace ({quoted(name)} as generation, "
                    f"cast('{now:%Y-%m-%d %H:%M:%S.%f}' as timestamp) as published_at) "
                    f"from {source})"
                )
            connection.execute(f"create or replace temp table left_over as from {source}")
            rows[table] = copy_table(connection, table, "left_over", copies)
        if can_look_up(tables):
            write_look_up(connection, f"generation.{SCHEMA}", scratch / f"{name}.sqlite")
        connection.execute("detach generation")
        for old, new in (
            (live.path.with_suffix(".plan"), scratch / f"{name}.plan"),
            (live.path.with_suffix("") / "realtime", copies / "realtime"),
        ):
            if old.is_dir():
                _copy_folder(connection, old, new, domain, customers)
    generation = replace(
        live,
        name=name,
        path=home.published / f"{name}.duckdb",
        tables=rows,
        line=(name,),
        known={one: count_state(home, one) for one in live.known},
    )
    commit(home, generation, scratch)
    forget_old(home, generation)
    return name


def _without(
    connection: duckdb.DuckDBPyConnection, relation: str, domain: str, customers: Collection[str]
) -> str:
    """Return a relation without the rows in which a text is the id of one of the customers."""
    names = {row[0]: row[1] for row in connection.execute(f"describe from {relation}").fetchall()}
    ids = listed([*customers, *(f"{domain}:{customer}" for customer in customers)])
    texts = [f'"{name}"' for name, kind in names.items() if kind == "VARCHAR"]
    if not texts:
        return f"(from {relation})"
    is_theirs = " or ".join(f"coalesce({text} in ({ids}), false)" for text in texts)
    if "domain" in names:
        is_theirs = f"domain = {quoted(domain)} and ({is_theirs})"
    return f"(from {relation} where not ({is_theirs}))"


def _copy_folder(
    connection: duckdb.DuckDBPyConnection,
    old: Path,
    new: Path,
    domain: str,
    customers: Collection[str],
) -> None:
    """Copy a folder of Parquet files; rows that know a customer by number alone go, too."""
    numbers: set[int] = set()
    for path in old.rglob("*.parquet"):
        relation = f"read_parquet({file_sql(path)})"
        names = {row[0] for row in connection.execute(f"describe from {relation}").fetchall()}
        if {_NUMBER, _CUSTOMER, "domain"} <= names:
            numbers |= {
                row[0]
                for row in connection.execute(
                    f"select {_NUMBER} from {relation} where domain = {quoted(domain)} "
                    f"and {_CUSTOMER} in ({listed(customers)})"
                ).fetchall()
            }
    for path in sorted(old.rglob("*")):
        target = new / path.relative_to(old)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif path.suffix != ".parquet":
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            relation = f"read_parquet({file_sql(path)})"
            names = {row[0] for row in connection.execute(f"describe from {relation}").fetchall()}
            rows = _without(connection, relation, domain, customers)
            if numbers and _NUMBER in names:
                own = f"{_NUMBER} not in ({', '.join(map(str, sorted(numbers)))})"
                if "domain" in names:
                    own = f"domain <> {quoted(domain)} or {own}"
                rows = f"(from {rows} where {own})"
            connection.execute(f"copy {rows} to {quoted(target)} (format parquet)")
