"""dbt's compiled SQL: kept after each build, and run again elsewhere.

One text serves the mart, the retention plan, real time and the proofs. dbt's manifest forgets what
it compiled at its next call, so `keep_features` and `keep_replayed` write what is run again as one
JSON list of models a set, under CHURN_HOME/dbt/compiled. Which models a plan or real time runs
again stands in their YAML: `replayed_by` in `config.meta`.
"""

import csv
import hashlib
import json
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import duckdb

from pipeline.project.duck import listed, quoted
from pipeline.project.errors import ChurnError
from pipeline.project.files import write_json
from pipeline.project.home import PROJECT, Home

# The line above each domain's own part of a union (macros/kinds/domain_mark.sql).
_DOMAIN = re.compile(r"^-- domain: (\w+)\n", re.MULTILINE)
# How dbt names a relation of the warehouse.
# The part of a mart that reads kept features (macros/kinds/churn_examples.sql).
_KEPT = re.compile(r"-- kept features begin.*?-- kept features end", re.DOTALL)
_RELATION = re.compile(r'"warehouse"\."(\w+)"\."(\w+)"')


@dataclass(frozen=True)
class CompiledModel:
    """One compiled model or seed.

    Attributes:
        relation: Schema and name.
        sql: Its select.
        is_table: Whether it is materialised, because several models read it or it is expensive.
    """

    relation: str
    sql: str
    is_table: bool

    @property
    def name(self) -> str:
        """Its name without the schema."""
        return self.relation.partition(".")[2]


Top = Literal["features", "examples"]
_MODELS: Mapping[Top, str] = {
    "features": "int_{domain}__features_joined",
    "examples": "{domain}__churn_examples",
}
# What runs models again: the plan at another budget, and real time, which words reasons first.
Reader = Literal["plan", "reasons", "decisions"]
READERS: tuple[Reader, ...] = get_args(Reader)
# What is known before a cut-off, in the order in which one reads the other.
COVERAGE = ("control__coverage", "control__windows")


# keeping


def keep_features(home: Home, domains: Iterable[str]) -> None:
    """Keep what the build before the ML step compiled: features, examples, ids, coverage."""
    for domain in domains:
        for top, model in _MODELS.items():
            stack = compiled_stack(home, domain, model.format(domain=domain))
            write_models(_kept(home, f"{top}/{domain}"), stack)
    nodes = {node["name"]: node for node in read_manifest(home)["nodes"].values()}
    for domain in domains:
        resolved = nodes.get(f"stg_{domain}__identities")
        write_models(
            _kept(home, f"identities/{domain}"), [compiled_model(resolved)] if resolved else []
        )
    write_models(_kept(home, "coverage"), [compiled_model(nodes[name]) for name in COVERAGE])


def keep_replayed(home: Home) -> None:
    """Keep what the build after the ML step compiled, for each reader that runs it again."""
    manifest = read_manifest(home)
    for reader in READERS:
        models = replayed(manifest, reader)
        if all(model.sql for model in models):
            write_models(_kept(home, reader), models)


def kept(home: Home, name: str) -> list[CompiledModel] | None:
    """Return a kept set, None before a build compiled it."""
    path = _kept(home, name)
    return read_models(path) if path.exists() else None


def load_stack(home: Home, domain: str, top: Top = "features") -> list[CompiledModel]:
    """Return a domain's models of the last build: up to the features, or to the examples.

    Raises:
        ChurnError: Nothing has been built yet.
    """
    stack = kept(home, f"{top}/{domain}")
    if stack is None:
        raise ChurnError(f"{domain} has not been built yet.", hint="Run `churn build` first.")
    return stack


def load_coverage(home: Home) -> list[CompiledModel]:
    """Return the SQL that derives what is known before cut-offs: each record, then its windows.

    Raises:
        ChurnError: Nothing has been built yet.
    """
    models = kept(home, "coverage")
    if models is None:
        raise ChurnError("What is known when has not been built yet.", hint="Run `churn run`.")
    return models


def load_identities(home: Home, domain: str) -> CompiledModel | None:
    """Return the SQL that resolves a domain's map of ids; None for a domain without a map.

    Raises:
        ChurnError: Nothing has been built yet.
    """
    models = kept(home, f"identities/{domain}")
    if models is None:
        raise ChurnError(f"{domain} has not been built yet.", hint="Run `churn build` first.")
    return models[0] if models else None


def write_models(path: Path, models: list[CompiledModel]) -> None:
    """Write models as JSON; `read_models` reads them."""
    write_json(path, [asdict(model) for model in models])


def read_models(path: Path) -> list[CompiledModel]:
    """Read what `write_models` wrote."""
    return [CompiledModel(**model) for model in json.loads(path.read_text())]


def _kept(home: Home, name: str) -> Path:
    return home.compiled / f"{name}.json"


# running again


def placed(sql: str, local: Container[str] = ()) -> str:
    """Return compiled SQL that reads an in-memory database instead of the warehouse.

    Args:
        sql: As dbt compiled it.
        local: Relations that go by their bare name; the others keep their schema.
    """
    return _RELATION.sub(
        lambda found: (
            f'"{found[2]}"'
            if f"{found[1]}.{found[2]}" in local
            else f'"memory"."{found[1]}"."{found[2]}"'
        ),
        sql,
    )


def relations_read(models: list[CompiledModel]) -> list[str]:
    """Return the relations that models read and none of them makes, in alphabetical order."""
    read = {f"{schema}.{name}" for model in models for schema, name in _RELATION.findall(model.sql)}
    return sorted(read - {model.relation for model in models})


def create_models(connection: duckdb.DuckDBPyConnection, models: list[CompiledModel]) -> None:
    """Make models in an in-memory database that holds what they read, each in its schema."""
    for schema in {model.relation.partition(".")[0] for model in models}:
        connection.execute(f"create schema if not exists {schema}")
    for model in models:
        kind = "table" if model.is_table else "view"
        connection.execute(f"create {kind} {model.relation} as {placed(model.sql)}")


def as_statement(models: list[CompiledModel]) -> str:
    """Return models as one select from the last one, which can be prepared.

    Each model becomes a common table expression with its very text; what is made once in the
    warehouse is made once here. Other relations are those of the in-memory database.
    """
    local = {model.relation for model in models}
    parts = [
        f'"{model.name}" as {"materialized " if model.is_table else ""}(\n'
        f"{placed(model.sql, local)}\n)"
        for model in models
    ]
    return f'with {", ".join(parts)}\nselect * from "{models[-1].name}"'


def json_literal(rows: list[dict[str, Any]]) -> str:
    """Return rows as a JSON text for EXECUTE, which takes no bound values.

    The text is ASCII, and quotes are the only special character in it.
    """
    return quoted(json.dumps(rows))


def is_given(node: Mapping[str, Any]) -> bool:
    """Whether a node of the manifest is no part of a stack: whoever lays one fills it.

    So it is with the control relations, by `given: true` in the meta of their YAML.
    """
    return bool(_meta(node).get("given"))


def compiled_stack(home: Home, domain: str, top: str | None = None) -> list[CompiledModel]:
    """Return a model and the models upstream of it, in the order to create them.

    What is given (`is_given`) and what is upstream of that is left out. Of a union of the domains
    of a kind only the domain's own part is taken: no other domain is upstream.

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
        raise ChurnError(
            f"The manifest has no model {name}.", hint="Run `churn build` to compile the models."
        )
    ordered: list[str] = []

    def visit(key: str) -> None:
        if key in ordered or key not in nodes or is_given(nodes[key]):
            return
        parents = nodes[key]["depends_on"].get("nodes", ())
        if _meta(nodes[key]).get("union_of_domains"):
            sql = own_part(nodes[key].get("compiled_code") or "", domain)
            read = {f"{schema}.{name}" for schema, name in _RELATION.findall(sql)}
            parents = [
                parent
                for parent in parents
                if parent in nodes and f"{nodes[parent]['schema']}.{nodes[parent]['alias']}" in read
            ]
        for parent in parents:
            visit(parent)
        ordered.append(key)

    visit(last)
    return [_of_domain(nodes[key], domain) for key in ordered]


def _of_domain(node: dict[str, Any], domain: str) -> CompiledModel:
    model = compiled_model(node)
    # what earlier builds made is not run again: every cut-off is made by whoever lays the stack
    sql, count = _KEPT.subn(f"select * from {_features(domain)} where false", model.sql)
    if count:
        return CompiledModel(model.relation, sql, model.is_table)
    if not _meta(node).get("union_of_domains"):
        return model
    return CompiledModel(model.relation, own_part(model.sql, domain), model.is_table)


def _features(domain: str) -> str:
    return f'"warehouse"."{domain}"."int_{domain}__features_joined"'


def own_part(sql: str, domain: str) -> str:
    """Return a domain's part of the compiled union of a kind's domains.

    Args:
        sql: Parts, each below the line that names its domain; `none` has the columns and no rows.
        domain: Domain; one without a part has no rows.
    """
    _, *parts = _DOMAIN.split(sql)
    found = {
        name: part.strip().removesuffix("union all").strip()
        for name, part in zip(parts[::2], parts[1::2], strict=True)
    }
    return found.get(domain) or found.get("none") or sql


def replayed(manifest: Mapping[str, Any], reader: Reader) -> list[CompiledModel]:
    """Return the models that a reader runs again, each after those it reads."""
    nodes = manifest["nodes"]
    ordered: list[str] = []

    def visit(key: str) -> None:
        if key in ordered or key not in nodes:
            return
        for parent in nodes[key]["depends_on"].get("nodes", ()):
            visit(parent)
        ordered.append(key)

    for key in sorted(nodes):
        if reader in _meta(nodes[key]).get("replayed_by", ()):
            visit(key)
    return [
        compiled_model(nodes[key])
        for key in ordered
        if reader in _meta(nodes[key]).get("replayed_by", ())
    ]


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    meta: Mapping[str, Any] = node.get("config", {}).get("meta") or {}
    return meta


def stack_hash(stack: list[CompiledModel]) -> str:
    """Return the SHA-256 of a stack's text."""
    text = "\n".join(f"{view.relation}\n{view.sql}" for view in stack)
    return hashlib.sha256(text.encode()).hexdigest()


def stack_script(stack: list[CompiledModel]) -> str:
    """Return the stack as a script that creates each view; it needs the `lake` relations."""
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
    """SQL of a seed as a select, so that the stack needs no files; typed even without rows."""
    types = node["config"]["column_types"]
    header, *rows = csv.reader(text.strip().splitlines())
    if untyped := [name for name in header if name not in types]:
        raise ChurnError(
            f"The seed {node['name']} has columns without a type: {', '.join(untyped)}.",
            where=node["original_file_path"],
            hint="Add them to config.column_types in the seed's YAML.",
        )
    casts = ", ".join(f"cast({name} as {types[name]}) as {name}" for name in header)
    values = ",\n    ".join(f"({listed(row)})" for row in rows or [[""] * len(header)])
    some = "" if rows else "\nwhere false"
    return f"select {casts}\nfrom (values\n    {values}\n) as seed ({', '.join(header)}){some}"


def read_manifest(home: Home) -> dict[str, Any]:
    """Return the manifest of the last dbt call.

    Raises:
        ChurnError: Nothing has been built yet.
    """
    path = home.dbt_target / "manifest.json"
    if not path.exists():
        raise ChurnError("Nothing has been built yet.", hint="Run `churn build` first.")
    manifest: dict[str, Any] = json.loads(path.read_text())
    return manifest
