"""The compiled feature SQL as a stack of views: one text for the mart, proofs and real time."""

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from pipeline.project.duck import listed, quoted
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT, Home


@dataclass(frozen=True)
class CompiledModel:
    """One compiled model or seed of the stack.

    Attributes:
        relation: Schema and name.
        sql: Its select.
        is_table: Made once and kept, because several models read it or it is dear.
    """

    relation: str
    sql: str
    is_table: bool


Top = Literal["features", "examples"]
_MODELS: Mapping[Top, str] = {
    "features": "int_{domain}__features_joined",
    "examples": "{domain}__churn_examples",
}


def save_stacks(home: Home, domain: str) -> None:
    """Keep the stacks that the last build compiled; dbt's manifest forgets it at the next call."""
    for top, model in _MODELS.items():
        path = _stack_path(home, domain, top)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_stack(path, compiled_stack(home, domain, model.format(domain=domain)))


def write_stack(path: Path, stack: list[CompiledModel]) -> None:
    """Write a stack as JSON; `read_stack` reads it."""
    path.write_text(json.dumps([asdict(view) for view in stack], indent=1) + "\n")


def read_stack(path: Path) -> list[CompiledModel]:
    """Read a stack that `write_stack` wrote."""
    return [CompiledModel(**view) for view in json.loads(path.read_text())]


def load_stack(home: Home, domain: str, top: Top = "features") -> list[CompiledModel]:
    """Return a stack of the last build: up to the features, or with the labels to the examples.

    Raises:
        ChurnError: Nothing has been built yet.
    """
    path = _stack_path(home, domain, top)
    if not path.exists():
        raise ChurnError(f"{domain} has not been built yet.", hint="Run `churn build` first.")
    return read_stack(path)


def _stack_path(home: Home, domain: str, top: Top) -> Path:
    return home.dbt_target.parent / top / f"{domain}.json"


def create_models(connection: duckdb.DuckDBPyConnection, stack: list[CompiledModel]) -> None:
    """Make a stack in an in-memory database whose schema `lake` holds the domain's relations."""
    for schema in {view.relation.partition(".")[0] for view in stack}:
        connection.execute(f"create schema if not exists {schema}")
    for view in stack:
        kind = "table" if view.is_table else "view"
        sql = view.sql.replace('"warehouse".', '"memory".')
        connection.execute(f"create {kind} {view.relation} as {sql}")


def as_statement(stack: list[CompiledModel]) -> str:
    """Return a stack as one select from its last view, which can be prepared.

    Each view becomes a common table expression with the very text of the model; what is made once
    in the warehouse is made once here. Other relations are those of the in-memory database.
    """
    parts = []
    for view in stack:
        sql = view.sql
        for other in stack:
            schema, name = other.relation.split(".")
            sql = sql.replace(f'"warehouse"."{schema}"."{name}"', f'"{name}"')
        sql = sql.replace('"warehouse".', '"memory".')
        kind = "materialized " if view.is_table else ""
        parts.append(f'"{view.relation.split(".")[1]}" as {kind}(\n{sql}\n)')
    last = stack[-1].relation.split(".")[1]
    return f'with {", ".join(parts)}\nselect * from "{last}"'


def json_literal(rows: list[dict[str, Any]]) -> str:
    """Return rows as a JSON text for EXECUTE, which takes no bound values.

    The text is ASCII, and quotes are the only character that means something in it.
    """
    return quoted(json.dumps(rows))


def is_given(node: Mapping[str, Any]) -> bool:
    """Whether a node of the manifest is no part of a stack: whoever lays one fills it.

    So it is with the control relations, by `given: true` in the meta of their YAML.
    """
    return bool(node.get("config", {}).get("meta", {}).get("given"))


def compiled_stack(home: Home, domain: str, top: str | None = None) -> list[CompiledModel]:
    """Return a model and the models upstream of it, in the order they must be made.

    What is given (`is_given`) and what is upstream of that is left out.

    Args:
        home: CHURN_HOME whose manifest is read.
        domain: Domain.
        top: Name of the model; the one that joins the domain's features by default.

    Raises:
        ChurnError: Nothing has been built yet.
    """
    manifest = read_manifest(home)
    nodes = manifest["nodes"]
    name = top or f"int_{domain}__features_joined"
    last = next((key for key in nodes if key.endswith(f".{name}")), None)
    if last is None:
        raise ChurnError(f"The manifest has no {name}.")
    ordered: list[str] = []

    def visit(key: str) -> None:
        if key in ordered or key not in nodes or is_given(nodes[key]):
            return
        for parent in nodes[key]["depends_on"].get("nodes", ()):
            visit(parent)
        ordered.append(key)

    visit(last)
    return [compiled_model(nodes[key]) for key in ordered]


def stack_hash(stack: list[CompiledModel]) -> str:
    """Return the SHA-256 of a stack's text."""
    text = "\n".join(f"{view.relation}\n{view.sql}" for view in stack)
    return hashlib.sha256(text.encode()).hexdigest()


def stack_script(stack: list[CompiledModel]) -> str:
    """Return the stack as a script that makes each view; it expects the `lake` relations."""
    return "\n\n".join(f"create or replace view {view.relation} as\n{view.sql};" for view in stack)


def compiled_model(node: dict[str, Any]) -> CompiledModel:
    """Return a node of the manifest as a view of a stack; a model must have been compiled."""
    if node["resource_type"] == "seed":
        text = (PROJECT / node["original_file_path"]).read_text()
        sql = _seed_select(text, node)
    else:
        sql = (node.get("compiled_code") or "").strip()
    is_table = node["config"]["materialized"] == "table"
    return CompiledModel(f"{node['schema']}.{node['alias']}", sql, is_table)


def _seed_select(text: str, node: Mapping[str, Any]) -> str:
    """A seed as a select, so that the stack needs no files; empty and typed without rows."""
    types = node["config"]["column_types"]
    header, *rows = csv.reader(text.strip().splitlines())
    if untyped := [name for name in header if name not in types]:
        raise ChurnError(
            f"The seed {node['name']} does not say of what type {', '.join(untyped)} is.",
            where=node["original_file_path"],
            hint="Give every column a type under config.column_types of its YAML.",
        )
    casts = ", ".join(f"cast({name} as {types[name]}) as {name}" for name in header)
    values = ",\n    ".join(f"({listed(row)})" for row in rows or [[""] * len(header)])
    some = "" if rows else "\nwhere false"
    return f"select {casts}\nfrom (values\n    {values}\n) as seed ({', '.join(header)}){some}"


def read_manifest(home: Home) -> dict[str, Any]:
    """Return dbt's manifest of the last call.

    Raises:
        ChurnError: Nothing has been built yet.
    """
    path = home.dbt_target / "manifest.json"
    if not path.exists():
        raise ChurnError("Nothing has been built yet.", hint="Run `churn build` first.")
    manifest: dict[str, Any] = json.loads(path.read_text())
    return manifest
