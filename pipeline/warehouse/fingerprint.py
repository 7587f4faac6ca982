"""Hashes a step's inputs, so that a step with unchanged inputs is skipped."""

import ast
import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import yaml

from pipeline.project.domain_settings import NOT_LEARNED, DomainSettings
from pipeline.project.home import PROJECT, Home

PROJECT_FILE = "dbt_project.yml"
CATALOGUE = "seeds/retention_actions.csv"
SQL_FILES = (
    PROJECT_FILE,
    "profiles.yml",
    "models",
    "macros",
    "seeds",
    "tests/generic",
    "tests/assertions",
)
# the code that decides which model is learned from given data
LEARNING = (
    "contract.py",
    "cohorts.py",
    "contact_spans.py",
    "mart.py",
    "stayers.py",
    "train.py",
    "calibrate.py",
    "learn.py",
    "level/bg_nbd.py",
    "level/forecast.py",
    "level/orders.py",
    "level/read.py",
    "level/season.py",
    "level/windows.py",
)
ENGINES = ("duckdb", "lightgbm", "scikit-learn", "numba", "dbt-duckdb")


def digest(*parts: Any) -> str:
    """Return the SHA-256 of JSON-ready parts."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def sql_fingerprint() -> str:
    """Return the hash of every file that dbt reads, and of the engines' versions.

    Inputs of the plan alone are left out; `settings_fingerprint` has them.
    """
    contents = [
        (name, _project_fingerprint() if name == PROJECT_FILE else content)
        for name, content in _contents(PROJECT / name for name in SQL_FILES)
        if name != CATALOGUE
    ]
    return digest(contents, _engines())


def feature_sql_fingerprint(domain: str, settings: DomainSettings) -> str:
    """Return the hash of everything that a domain's feature SQL is compiled from.

    With the same hash the SQL is the same text; the other way round does not hold.

    Args:
        domain: Domain.
        settings: Its settings, this run's overrides included.
    """
    folders = {"control", settings.kind, domain}
    names = [*(f"models/{name}" for name in sorted(folders)), "macros", "seeds", "profiles.yml"]
    contents = [
        (name, content)
        for name, content in _contents(PROJECT / name for name in names)
        if name != CATALOGUE
    ]
    return digest(contents, _project_fingerprint(), settings.learned().given(), _engines())


def engine_versions() -> list[tuple[str, str]]:
    """Return the engines that features are made by, with their versions."""
    return _engines()


def _project_fingerprint() -> str:
    project = yaml.safe_load((PROJECT / PROJECT_FILE).read_text())
    for entry in project["vars"]["churn_domains"].values():
        for key in NOT_LEARNED:
            entry.pop(key, None)
    return digest(project)


def recipe_fingerprint() -> str:
    """Return the hash of the ML step's code and of the engines' versions."""
    return digest(_contents([PROJECT / "ml"]), _engines())


def learning_fingerprint(settings: DomainSettings, sql_hash: str, tuned: Mapping[str, Any]) -> str:
    """Return the hash of a recipe: how a model is learned, whatever the data.

    Code is compared without comments, docstrings and layout. Settings that do not affect learning,
    such as the currency, are left out.
    """
    code = [_bare((PROJECT / "ml" / name).read_text()) for name in LEARNING]
    keys = {"label_definition", "grid", "grid_days", "assumed_static", "level"}
    learned = settings.model_dump(include=keys)
    return digest(code, learned, sql_hash, dict(tuned), version("lightgbm"))


def _bare(source: str) -> str:
    """Return Python code without comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def lake_fingerprint(home: Home, domain: str) -> str:
    """Return the hash of the content of every raw file in the lake."""
    entries = sorted((home.lake / domain).glob("*/*/_file.json"))
    return digest([(e.parent.name, json.loads(e.read_text())["content_hash"]) for e in entries])


def listing_fingerprint(folder: Path, pattern: str) -> str:
    """Return the hash of the names and sizes of files that never change once written."""
    found = sorted(folder.glob(pattern))
    return digest([(str(path.relative_to(folder)), path.stat().st_size) for path in found])


def done(warehouse: Path, step: str) -> str | None:
    """Return the fingerprint that a step last stored in the warehouse."""
    if not warehouse.exists():
        return None
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        try:
            row = connection.execute(
                "select fingerprint from pipeline.steps where step = ?", [step]
            ).fetchone()
        except duckdb.CatalogException:
            return None
    return str(row[0]) if row else None


def forget(warehouse: Path, *steps: str) -> None:
    """Delete the fingerprints of steps that are about to change the warehouse."""
    for step in steps:
        if done(warehouse, step) is not None:
            with duckdb.connect(str(warehouse)) as connection:
                connection.execute("delete from pipeline.steps where step = ?", [step])


def mark_done(warehouse: Path, step: str, fingerprint: str) -> None:
    """Store a step's fingerprint in the warehouse, beside the tables it describes."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema if not exists pipeline")
        connection.execute(
            "create table if not exists pipeline.steps (step varchar, fingerprint varchar)"
        )
        connection.execute("delete from pipeline.steps where step = ?", [step])
        connection.execute("insert into pipeline.steps values (?, ?)", [step, fingerprint])


def _contents(paths: Iterable[Path]) -> list[tuple[str, str]]:
    found = []
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and file.suffix in {".sql", ".yml", ".csv", ".py"}:
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                found.append((str(file.relative_to(PROJECT)), content))
    return found


def _engines() -> list[tuple[str, str]]:
    return [(name, version(name)) for name in ENGINES]
