"""Lets dbt build models on an engine, in folders of their own."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb
from rich.console import Console

from pipeline.engines.environments import BuildEngine
from pipeline.engines.exchange import as_environment, give_files, give_rows, seen_by_engine
from pipeline.engines.servers import serving
from pipeline.project.home import Home
from pipeline.warehouse.dbt import dbt


@dataclass(frozen=True)
class EngineBuild:
    """What an engine made.

    Attributes:
        tables: Folder with one folder of Parquet files a table.
        seconds: How long dbt took on it, the start of the engine included.
    """

    tables: Path
    seconds: float


def read_manifest_of(target: Path) -> dict[str, Any]:
    """Return dbt's manifest in a target folder."""
    manifest: dict[str, Any] = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def with_ancestors(manifest: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Return the unique ids of models and of all that they read, in the order of a build."""
    found: dict[str, None] = {}

    def visit(unique_id: str) -> None:
        if unique_id not in found:
            for parent in sorted(manifest["parent_map"].get(unique_id, ())):
                visit(parent)
            found[unique_id] = None

    by_name = {
        node["name"]: unique_id
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
    }
    for name in names:
        visit(by_name[name])
    return list(found)


def build_on(
    engine: BuildEngine,
    home: Home,
    models: Sequence[str],
    manifest: Mapping[str, Any],
    folder: Path,
    *,
    variables: Mapping[str, Any],
    console: Console,
    kept: str = "select '' as domain, '' as file_name, '' as file_path where false",
    views_as: str = "view",
) -> EngineBuild:
    """Build models and all that they read on an engine.

    Args:
        engine: The engine.
        home: CHURN_HOME with a built or seeded warehouse.
        models: Names of the models.
        manifest: dbt's manifest of the same project.
        folder: An empty folder for what it is given and makes.
        variables: dbt vars.
        console: Console for progress.
        kept: Query of the cut-offs whose features are not to be made: domain, file_name, file_path.
        views_as: How models that are views are built: view, or table to look at them.

    Raises:
        ChurnError: The engine is not installed or does not answer; a model failed.
    """
    program = engine.program("dbt")
    tables, work = folder / "tables", folder / "work"
    tables.mkdir()
    work.mkdir()
    given = give_files(home, manifest, with_ancestors(manifest, models), folder / "given")
    with duckdb.connect() as connection:
        given["features.kept_files"] = give_rows(connection, kept, folder / "given/kept_files")
    begin = perf_counter()
    with serving(engine, work) as server:
        try:
            dbt(
                home,
                "run",
                "--target",
                engine.target(server.url),
                "--select",
                *(f"+{name}" for name in models),
                variables=variables,
                console=console,
                title=f"{engine.title}: {', '.join(models)}",
                target_path=folder / "target",
                program=program,
                environment={
                    **as_environment(given),
                    "CHURN_ENGINE_TABLES": seen_by_engine(tables),
                    "CHURN_ENGINE_WORK": str(work),
                    **engine.address(server.url),
                    "CHURN_VIEWS_AS": views_as,
                },
                needs=server.process,
            )
        finally:
            # in place of what dbt says of it
            server.check(engine)
    return EngineBuild(tables, perf_counter() - begin)
