"""The project's compiled SQL over tables in memory."""

import functools
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import yaml
from reference.compare import Table
from reference.identities import LATER, spans, spans_elsewhere
from reference.windows import covers
from reference.worlds import World

from pipeline.project.domains import domain_entries
from pipeline.project.home import PROJECT, Home
from pipeline.warehouse.compiled_sql import CompiledModel

ARROW_TYPES = {
    "varchar": pyarrow.string(),
    "integer": pyarrow.int32(),
    "double": pyarrow.float64(),
    "date": pyarrow.date32(),
    "timestamp": pyarrow.timestamp("us"),
    "boolean": pyarrow.bool_(),
}
CUSTOMER = {"kkbox": "msno", "ecommerce": "user_id"}


def compiled(run_dbt: Any, folder: Path, *arguments: str) -> Home:
    """Compile models in a CHURN_HOME of their own.

    Args:
        run_dbt: The fixture.
        folder: An empty folder.
        arguments: What is selected, and more of what dbt takes.
    """
    home = Home(folder)
    (home.work / "duckdb").mkdir(parents=True)
    done = run_dbt(home.root, "compile", "--quiet", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return home


def compiled_once(run_dbt: Any, tmp_path_factory: Any) -> Home:
    """Both domains compiled, once for all tests of a session."""
    folder = tmp_path_factory.getbasetemp() / "reference"
    if folder.exists():
        return Home(folder)
    models = (f"+{domain}__{mart}" for domain in CUSTOMER for mart in ("churn_examples", "labels"))
    return compiled(run_dbt, folder, "--select", *models, "path:models/churn/value")


def ask(world: World, stack: list[CompiledModel], select: str, key: tuple[str, ...]) -> Table:
    """Run a select over the stack over the world; its rows by their key."""
    with built(world, stack) as connection:
        cursor = connection.execute(select)
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    found = {tuple(row.pop(name) for name in key): row for row in rows}
    assert len(found) == len(rows), f"rows are not unique by {key}"
    return found


@contextmanager
def built(world: World, stack: list[CompiledModel]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory: the world is its lake, the models are tables, each computed once.

    It spills nothing to disk, so that a query that would join all with all fails early.
    """
    config = {"threads": 1, "memory_limit": "800MB", "temp_directory": ""}
    with duckdb.connect(config=config) as connection:
        for schema in ("lake", "control", *{view.relation.split(".")[0] for view in stack}):
            connection.execute(f"create schema {schema}")
        _fill_lake(connection, world)
        _fill_control(connection, world)
        for view in stack:
            connection.execute(f"create table {view.relation} as {in_memory(view.sql)}")
            rows = world.seeds.get(view.relation.split(".")[1])
            if rows is not None:
                _replace(connection, view.relation, rows)
        yield connection


def _replace(connection: duckdb.DuckDBPyConnection, relation: str, rows: list[Any]) -> None:
    """Put other rows into a table."""
    connection.execute(f"delete from {relation}")
    for row in rows:
        columns, marks = ", ".join(row._fields), ", ".join("?" for _ in row)
        connection.execute(f"insert into {relation} ({columns}) values ({marks})", row)


def in_memory(sql: str) -> str:
    """The same SQL over a database in memory."""
    return sql.replace('"warehouse".', '"memory".')


def _fill_lake(connection: duckdb.DuckDBPyConnection, world: World) -> None:
    """Make every raw relation the YAML describes; one the world has no rows of stays empty."""
    described = _described(world.domain)
    rows = {
        table: _of_customers(_customer(world.domain, described[table]), of)
        for table, of in world.rows.items()
    }
    assert rows.keys() <= described.keys()
    for name, types in described.items():
        _make(connection, f"lake.{world.domain}_{name}", types, rows.get(name) or [])


def _fill_control(connection: duckdb.DuckDBPyConnection, world: World) -> None:
    """Make the control relations, beside another domain's rows that say otherwise."""
    rows: dict[str, list[dict[str, Any]]] = {
        "cut_offs": [
            {"as_of_date": cut_off, "due_from": None, "is_on_grid": True}
            for cut_off in world.cut_offs
        ],
        "feature_cut_offs": [{"as_of_date": cut_off} for cut_off in world.cut_offs],
        "knowledge": [{"known_before": world.known_before}],
        "coverage": [
            {
                "table_name": name,
                "as_of_date": cut_off,
                "covered_from": cover.covered_from,
                "covered_before": cover.covered_before,
            }
            for name, of in world.covers.items()
            for cut_off, cover in of.items()
        ],
        "windows": [
            {
                "table_name": name,
                "as_of_date": cut_off,
                "window_days": days,
                "until_days": until,
                "is_whole": covers(cover, cut_off, days, until, grace=_grace(world.domain)),
            }
            for name, of in world.covers.items()
            for cut_off, cover in of.items()
            for days, until in _windows(world.domain)
        ],
        "outcome_holes": [
            {"day": day, "unsure_from": since, "unsure_before": before}
            for day, since, before in world.outcome_holes
        ],
    }
    elsewhere = {name: [_moved(row) for row in of] for name, of in rows.items()}
    rows["identities"] = spans(world.identities)
    elsewhere["identities"] = spans_elsewhere(world.identities)
    for name, types in _described_control().items():
        own = [{"domain": world.domain, **row} for row in rows[name]]
        others = [{"domain": "other", **row} for row in elsewhere[name]]
        _make(connection, f"control.control__{name}", types, own + others)


def _windows(domain: str) -> list[tuple[int, int]]:
    """The windows of macros/control/windows.sql, with every horizon that the entry may choose."""
    entry = domain_entries()[domain]
    entries = [entry, *(entry.with_preset(name) for name in entry.presets)]
    horizons = sorted({one.horizon_days for one in entries if one.horizon_days})
    last_year = [(393, 365), (455, 365), *((365, 365 - horizon) for horizon in horizons)]
    return [(days, 0) for days in (7, 14, 28, 30, 56, 60, 90, 180, 365)] + last_year


def _grace(domain: str) -> int:
    return domain_entries()[domain].coverage_grace_days


def _moved(row: dict[str, Any]) -> dict[str, Any]:
    """A row that says otherwise: other days, but for its cut-off where that is a key."""
    keys = {"as_of_date"} if "table_name" in row else set()
    moved = {
        name: value + LATER if isinstance(value, date) and name not in keys else value
        for name, value in row.items()
    }
    return {name: not value if isinstance(value, bool) else value for name, value in moved.items()}


def _make(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    types: dict[str, pyarrow.DataType],
    rows: list[dict[str, Any]],
) -> None:
    assert not rows or rows[0].keys() == types.keys(), f"{relation} has other columns now"
    arrays = {
        column: pyarrow.array([row[column] for row in rows], kind) for column, kind in types.items()
    }
    connection.register("rows_of_the_world", pyarrow.table(arrays))
    connection.execute(f"create table {relation} as from rows_of_the_world")
    connection.unregister("rows_of_the_world")


def _customer(domain: str, columns: Collection[str]) -> str:
    """Raw files name the customer in their own way, what was made of them in ours."""
    return CUSTOMER[domain] if CUSTOMER[domain] in columns else "customer_id"


def _of_customers(column: str, rows: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [
        {column: customer, **row._asdict()} for customer, found in rows.items() for row in found
    ]


@functools.cache
def _described(domain: str) -> dict[str, dict[str, pyarrow.DataType]]:
    """Columns and types of every lake relation, from the one description of the raw input."""
    path = PROJECT / "models" / domain / f"_{domain}__sources.yml"
    return {
        table["identifier"].removeprefix(f"{domain}_"): {
            column["name"]: ARROW_TYPES[column["data_type"]] for column in table["columns"]
        }
        for source in yaml.safe_load(path.read_text())["sources"]
        for table in source["tables"]
    }


@functools.cache
def _described_control() -> dict[str, dict[str, pyarrow.DataType]]:
    """Columns and types of the control relations that feature and label models read."""
    path = PROJECT / "models" / "control" / "_control__models.yml"
    return {
        name: {column["name"]: ARROW_TYPES[column["data_type"]] for column in model["columns"]}
        for model in yaml.safe_load(path.read_text())["models"]
        if (name := model["name"].removeprefix("control__"))
        in (
            "cut_offs",
            "feature_cut_offs",
            "knowledge",
            "coverage",
            "windows",
            "outcome_holes",
            "identities",
        )
    }
