"""What an engine reads and writes, as Parquet: files of the lake by links, and what it made."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from pipeline.project.duck import file_sql, open_large, quoted
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.home import home as churn_home

# Table → folders of files that have the same columns, as macros/project/source_statements.sql
# reads them.
Given = dict[str, list[dict[str, Any]]]


def seen_by_engine(path: Path) -> str:
    """Return where an engine finds what lies below CHURN_HOME.

    CHURN_ENGINE_SEES is CHURN_HOME as the engine sees it: another folder, or the place in an object
    store (`s3://…`, `abfss://…`) that is mounted here.
    """
    seen = os.environ.get("CHURN_ENGINE_SEES")
    return str(path) if not seen else f"{seen.rstrip('/')}/{path.relative_to(churn_home().root)}"


def give_files(home: Home, manifest: Mapping[str, Any], models: Iterable[str], to: Path) -> Given:
    """Lay out what models read of CHURN_HOME: one folder a table and set of columns.

    An engine reads a folder at a time, and takes the first file's columns for those of all.

    Args:
        home: CHURN_HOME.
        manifest: dbt's manifest.
        models: Their unique ids, with all that they read.
        to: An empty folder.

    Raises:
        ChurnError: A file cannot be read.
    """
    wanted = set(models)
    given: Given = {}
    for unique_id, source in manifest["sources"].items():
        pattern = source["config"]["meta"].get("parquet")
        if unique_id not in wanted or not pattern:
            continue
        table = f"{source['schema']}.{source['identifier']}"
        files = sorted(home.root.glob(pattern.replace("{table}", source["name"])))
        given[table] = []
        for columns, same in _by_columns(files).items():
            folder = to / table / str(len(given[table]))
            folder.mkdir(parents=True)
            for place, file in enumerate(same):
                _link(file, folder / f"{place:06}.parquet")
            given[table].append({"path": seen_by_engine(folder), "columns": columns})
    with open_large(home, "exchange", home.warehouse) as warehouse:
        for unique_id, node in manifest["nodes"].items():
            if unique_id in wanted and node["resource_type"] == "seed":
                table = f"{node['schema']}.{node['name']}"
                given[table] = give_rows(warehouse, f"from {table}", to / table)
    return given


def give_rows(
    connection: duckdb.DuckDBPyConnection, query: str, folder: Path
) -> list[dict[str, Any]]:
    """Write the rows of a query for an engine."""
    folder.mkdir(parents=True)
    connection.execute(f"copy ({query}) to {quoted(folder / 'rows.parquet')} (format parquet)")
    return [{"path": seen_by_engine(folder), "columns": []}]


def as_environment(given: Given) -> dict[str, str]:
    """Return the variable in which macros read what an engine is given."""
    return {"CHURN_ENGINE_FILES": json.dumps(given)}


def files_of(tables: Path, model: str) -> list[Path]:
    """Return the files that an engine made of a model; none where it has no row."""
    return sorted((tables / model).glob("*.parquet"))


def _by_columns(files: Iterable[Path]) -> dict[tuple[str, ...], list[Path]]:
    found: dict[tuple[str, ...], list[Path]] = {}
    with duckdb.connect() as connection:
        for file in files:
            try:
                described = connection.execute(
                    f"describe from read_parquet({file_sql(file)}, hive_partitioning = false)"
                ).fetchall()
            except duckdb.Error as problem:
                raise ChurnError(
                    "A file that the engine is to read cannot be read.",
                    where=f"{file}: {problem}",
                    hint="Restore it from a backup, or load the raw file again.",
                ) from problem
            found.setdefault(tuple(f"{name} {kind}" for name, kind, *_ in described), []).append(
                file
            )
    return {tuple(one.partition(" ")[0] for one in key): same for key, same in found.items()}


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:
        # another file system
        shutil.copyfile(file, target)
