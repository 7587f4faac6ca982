"""Compares what an engine makes of the lake with what DuckDB makes of it, row by row.

Both start from nothing that is kept, in folders of their own; the warehouse is not touched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console

from pipeline.engines.build import build_on, read_manifest_of, with_ancestors
from pipeline.engines.environments import BuildEngine
from pipeline.engines.exchange import files_of
from pipeline.project.duck import open_large, parquet_select
from pipeline.project.home import Home
from pipeline.warehouse.dbt import dbt
from pipeline.warehouse.kept_features import note_lake_days
from pipeline.warehouse.row_comparison import RowComparison, columns_of, compare_rows

# What the two sides read of CHURN_HOME.
_READ = ("lake", "labels", "models")


@dataclass
class EngineComparison:
    """The models of a domain on two engines.

    Attributes:
        models: One comparison a model, in the order of the build.
        seconds: Engine → seconds of dbt's run on it.
    """

    models: list[RowComparison] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def compare_engines(
    home: Home,
    engine: BuildEngine,
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
    with open_large(trial, "compare", trial.warehouse) as connection:
        for unique_id in with_ancestors(manifest, marts):
            node = manifest["nodes"].get(unique_id)
            if node is not None and node["resource_type"] == "model":
                ours = f"{node['schema']}.{node['name']}"
                columns = columns_of(connection, ours)
                files = files_of(made.tables, node["name"])
                theirs = f"({parquet_select(connection, files, columns)})"
                key = key_of(manifest, unique_id)
                found.models.append(
                    compare_rows(connection, node["name"], ours, theirs, columns, key)
                )
    return found


def key_of(manifest: Mapping[str, Any], model: str) -> tuple[str, ...]:
    """Return the columns that a model's tests say its rows are unique by; () if none does."""
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        if node.get("attached_node") == model and test.get("name") == "is_unique_by":
            return tuple(test["kwargs"]["columns"])
    return ()
