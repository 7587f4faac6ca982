"""Compares what an engine makes of the lake with what DuckDB makes of it, row by row.

Both start from nothing that is kept, in folders of their own; the warehouse is not touched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb
from rich.console import Console

from pipeline.engines.build import build_on, read_manifest_of, with_ancestors
from pipeline.engines.environments import Engine
from pipeline.engines.exchange import made_by, typed
from pipeline.project.duck import name_sql
from pipeline.project.home import Home
from pipeline.warehouse.dbt import dbt
from pipeline.warehouse.kept_features import note_lake_days

# Doubles may differ by this share of the larger one: engines add and divide in other orders.
TOLERANCE = 1e-12
# What the two sides read of CHURN_HOME.
_READ = ("lake", "labels", "models")


@dataclass(frozen=True)
class ModelComparison:
    """A model as both engines made it.

    Attributes:
        model: Its name.
        rows: Rows that DuckDB made.
        differing: Rows that only one side has, or whose values differ: integers, dates, texts and
            booleans at all, doubles by more than 1e-12 of the larger one.
        columns: The first columns that differ.
        doubles: Doubles compared.
        doubles_to_the_bit: Of these, equal to the last bit.
    """

    model: str
    rows: int
    differing: int
    columns: tuple[str, ...] = ()
    doubles: int = 0
    doubles_to_the_bit: int = 0


@dataclass
class EngineComparison:
    """The models of a domain on two engines.

    Attributes:
        models: One comparison a model, in the order of the build.
        seconds: Engine → seconds of dbt's run on it.
    """

    models: list[ModelComparison] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def compare_engines(
    home: Home,
    engine: Engine,
    domain: str,
    domains: Sequence[str],
    variables: Mapping[str, Any],
    folder: Path,
    console: Console,
) -> EngineComparison:
    """Build a domain's labels, features and examples on DuckDB and on an engine, and compare.

    Args:
        home: CHURN_HOME.
        engine: The other engine.
        domain: Domain.
        domains: Domains that have data: the kinds' models are of all of them.
        variables: dbt vars.
        folder: An empty folder.
        console: Console for progress.

    Raises:
        ChurnError: The engine is not installed or does not answer; a model failed on one of them.
    """
    # said before the long part
    engine.program("dbt")
    marts = [f"{domain}__labels", f"{domain}__churn_examples"]
    trial = Home(folder / "home")
    trial.root.mkdir()
    for name in _READ:
        if (home.root / name).exists():
            (trial.root / name).symlink_to(home.root / name)
    note_lake_days(trial, domains)
    found = EngineComparison()
    begin = perf_counter()
    dbt(
        trial,
        "build",
        "--select",
        *(f"+{mart}" for mart in marts),
        "--exclude-resource-type",
        "test",
        "unit_test",
        variables=variables,
        console=console,
        title=f"DuckDB: {', '.join(marts)}",
        target_path=trial.dbt_target,
    )
    found.seconds["duckdb"] = perf_counter() - begin
    manifest = read_manifest_of(trial.dbt_target)
    there = folder / engine.name
    there.mkdir()
    made = build_on(
        engine,
        trial,
        marts,
        manifest,
        there,
        variables=variables,
        console=console,
        views_as="table",
    )
    found.seconds[engine.name] = made.seconds
    with duckdb.connect(str(trial.warehouse), read_only=True) as connection:
        for unique_id in with_ancestors(manifest, marts):
            node = manifest["nodes"].get(unique_id)
            if node is not None and node["resource_type"] == "model":
                relation = f"{node['schema']}.{node['name']}"
                rows = made_by(made.tables, node["name"])
                key = key_of(manifest, unique_id)
                found.models.append(compare_rows(connection, relation, rows, key))
    return found


def key_of(manifest: Mapping[str, Any], model: str) -> tuple[str, ...]:
    """Return the columns that a model's tests say its rows are unique by; () if none does."""
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        if node.get("attached_node") == model and test.get("name") == "is_unique_by":
            return tuple(test["kwargs"]["columns"])
    return ()


def compare_rows(
    connection: duckdb.DuckDBPyConnection, relation: str, rows: str | None, key: Sequence[str]
) -> ModelComparison:
    """Compare a relation with the rows that an engine made of it.

    Args:
        connection: DuckDB, with the relation.
        relation: Schema and name.
        rows: What `made_by` returned.
        key: Columns that name a row; without them rows are compared as wholes.
    """
    columns = {
        name: kind for name, kind, *_ in connection.execute(f"describe {relation}").fetchall()
    }
    model = relation.partition(".")[2]
    count = _number(connection, f"select count(*) from {relation}")
    other = f"({typed(connection, rows, columns)})"
    if not key or not set(key) <= set(columns):
        apart = _number(
            connection,
            f"select greatest((select count(*) from (from {relation} except all from {other})), "
            f"(select count(*) from (from {other} except all from {relation})))",
        )
        return ModelComparison(model, count, apart, ("the row as a whole",) if apart else ())
    doubles = [name for name, kind in columns.items() if kind == "DOUBLE" and name not in key]
    unequal = {name: _unequal(name, kind) for name, kind in columns.items() if name not in key}
    on = " and ".join(f"ours.{name_sql(k)} is not distinct from theirs.{name_sql(k)}" for k in key)
    sums = [
        f"count(*) filter (where is_ours and is_theirs and {words})" for words in unequal.values()
    ]
    bits = [
        f"count(*) filter (where is_ours and is_theirs and ours.{name_sql(name)} "
        f"is not distinct from theirs.{name_sql(name)})"
        for name in doubles
    ]
    any_unequal = " or ".join(unequal.values()) or "false"
    found = connection.execute(
        f"""
        select
            count(*) filter (where is_ours and is_theirs),
            count(*) filter (where is_ours and not coalesce(is_theirs, false)),
            count(*) filter (where is_theirs and not coalesce(is_ours, false)),
            count(*) filter (where is_ours and is_theirs and ({any_unequal}))
            {"".join(f", {one}" for one in (*sums, *bits))}
        from (select true as is_ours, * from {relation}) as ours
        full join (select true as is_theirs, * from {other}) as theirs on {on}
        """
    ).fetchall()[0]
    both, only_ours, only_theirs, differ, *rest = found
    differing = [name for name, times in zip(unequal, rest, strict=False) if times]
    if only_ours or only_theirs:
        differing = [*key, *differing]
    return ModelComparison(
        model,
        count,
        max(only_ours, only_theirs) + differ,
        tuple(differing[:5]),
        both * len(doubles),
        sum(rest[len(unequal) :]),
    )


def _unequal(name: str, kind: str) -> str:
    ours, theirs = f"ours.{name_sql(name)}", f"theirs.{name_sql(name)}"
    apart = f"({ours} is distinct from {theirs})"
    if kind != "DOUBLE":
        return apart
    near = f"abs({ours} - {theirs}) <= {TOLERANCE} * greatest(abs({ours}), abs({theirs}))"
    return f"({apart} and not coalesce({near}, false))"


def _number(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    found = connection.execute(sql).fetchone()
    return int(found[0]) if found else 0
