"""Builds what grows with the data on an engine; DuckDB builds the rest from it.

The engine makes the features of the cut-offs that are not kept, which are then kept like those that
DuckDB makes, and the tables behind the labels. Everything after reads them as if DuckDB had made
them, and makes one cut-off again to compare.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from pipeline.engines.build import build_on, read_manifest_of, with_ancestors
from pipeline.engines.environments import BuildEngine
from pipeline.engines.exchange import files_of
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.duck import folder_sql, open_large, parquet_select, quoted
from pipeline.runs.context import RunContext
from pipeline.warehouse.compiled_sql import keep_features
from pipeline.warehouse.dbt import dbt
from pipeline.warehouse.kept_features import (
    feature_files,
    macro_environment,
    note_sql,
    write_features,
)

# What reads it is of the cut-offs that a build makes, which are others here and there.
_CUT_OFFS = "control__feature_cut_offs"


def build_before(
    context: RunContext,
    engine: BuildEngine,
    built: Mapping[str, DomainSettings],
    folder: Path,
) -> dict[str, str]:
    """Let an engine make what DuckDB would; return what the macros of DuckDB's build read.

    Args:
        context: The context of the command.
        engine: The engine.
        built: Domain → settings of the domains that are built; the days of the lake are noted.
        folder: An empty folder that stays until DuckDB's build is done.

    Raises:
        ChurnError: The engine is not installed, does not answer or failed; nothing was changed.
    """
    # said before anything long
    engine.program("dbt")
    home = context.home
    marts = [f"{domain}__churn_examples" for domain in built]
    _prepare(context, built, marts)
    manifest = read_manifest_of(home.dbt_target)
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        files = {domain: feature_files(connection, home, domain) for domain in built}
    there = [
        (domain, path.stem)
        for domain, paths in files.items()
        for path in paths.values()
        if path.exists()
    ]
    made = build_on(
        engine,
        home,
        marts,
        manifest,
        folder,
        variables=context.variables,
        console=context.console,
        kept=_listed(there),
    )
    with open_large(home, "engine", home.warehouse) as connection:
        for domain, paths in files.items():
            missing = {day: path for day, path in paths.items() if not path.exists()}
            _keep(connection, manifest, made.tables, domain, missing)
            context.say(
                f"{domain}: {engine.title} made the features of {len(missing):,} cut-offs in "
                f"{made.seconds:.0f} s"
            )
    tables = _tables(manifest, made.tables, marts)
    return macro_environment(home, built) | {"CHURN_ENGINE_MADE": json.dumps(tables)}


def _prepare(
    context: RunContext, built: Mapping[str, DomainSettings], marts: Iterable[str]
) -> None:
    """Build the control relations, and compile the features' SQL, whose hash is in the keys."""
    home, selected = context.home, [f"+{mart}" for mart in marts]
    common: dict[str, Any] = {"variables": context.variables, "console": context.console}
    dbt(
        home,
        "build",
        "--select",
        "+control__feature_keys",
        # the seeds that the engine reads
        *(f"{one},resource_type:seed" for one in selected),
        "--exclude-resource-type",
        "test",
        "unit_test",
        title="what is known when",
        **common,
    )
    dbt(home, "compile", "--select", *selected, title="features", **common)
    keep_features(home, built)
    for domain, settings in built.items():
        (home.features / domain).mkdir(parents=True, exist_ok=True)
        note_sql(home, domain, settings)


def _listed(there: Iterable[tuple[str, str]]) -> str:
    rows = [
        f"select {quoted(domain)} as domain, {quoted(name)} as file_name, '' as file_path"
        for domain, name in there
    ]
    rows.append("select '' as domain, '' as file_name, '' as file_path where false")
    return " union all ".join(rows)


def _keep(
    connection: duckdb.DuckDBPyConnection,
    manifest: Mapping[str, Any],
    tables: Path,
    domain: str,
    missing: Mapping[str, Path],
) -> None:
    """Write the features that the engine made, a file a cut-off."""
    name = f"int_{domain}__features_joined"
    mart = manifest["nodes"][f"model.churn_platform.{domain}__churn_examples"]["columns"]
    spine = ("customer_id", "as_of_date", "due_on", "customer_value")
    columns = {
        column: described["data_type"]
        for column, described in mart.items()
        if "__" in column or column in spine
    }
    ordered = {column: columns[column] for column in spine} | columns
    rows = f"({parquet_select(connection, files_of(tables, name), ordered)})"
    for day, target in missing.items():
        write_features(connection, rows, day, target)


def _tables(
    manifest: Mapping[str, Any],
    tables: Path,
    marts: Iterable[str],
) -> dict[str, str]:
    """Return a select for each table that DuckDB need not make again."""
    of_cut_offs = _descendants(manifest, f"model.churn_platform.{_CUT_OFFS}")
    found = {}
    for unique_id in with_ancestors(manifest, marts):
        node = manifest["nodes"].get(unique_id)
        is_table = node is not None and node["config"]["materialized"] == "table"
        if node is None or not is_table or unique_id in of_cut_offs or node["fqn"][1] == "control":
            continue
        if files_of(tables, node["name"]):
            # a pattern, since an environment variable holds no list of thousands
            folder = folder_sql(tables / node["name"])
            found[node["name"]] = f"select * from read_parquet({folder})"
    return found


def _descendants(manifest: Mapping[str, Any], unique_id: str) -> set[str]:
    found: set[str] = set()
    waiting = [unique_id]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += manifest["child_map"].get(one, ())
    return found
