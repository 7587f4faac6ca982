"""The compiled feature SQL as a stack of views: one text for the mart, proofs and real time."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import ChurnError
from pipeline.settings import PROJECT, Home


@dataclass(frozen=True)
class View:
    """One compiled model or seed of the stack."""

    relation: str
    sql: str


def save_stack(home: Home, domain: str) -> None:
    """Keep the stack that the last build compiled; dbt's manifest forgets it at the next call."""
    path = _stack_path(home, domain)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(view) for view in compiled_stack(home, domain)], indent=1))


def load_stack(home: Home, domain: str) -> list[View]:
    """Return the stack of the last build.

    Raises:
        ChurnError: Nothing has been built yet.
    """
    path = _stack_path(home, domain)
    if not path.exists():
        raise ChurnError(f"{domain} has not been built yet.", hint="Run `churn build` first.")
    return [View(**view) for view in json.loads(path.read_text())]


def _stack_path(home: Home, domain: str) -> Path:
    return home.dbt_target.parent / "features" / f"{domain}.json"


def compiled_stack(home: Home, domain: str) -> list[View]:
    """Return the models upstream of the domain's features, in the order they must be made.

    Raises:
        ChurnError: Nothing has been built yet.
    """
    manifest = _manifest(home)
    nodes = manifest["nodes"]
    top = next((key for key in nodes if key.endswith(f".int_{domain}__features_joined")), None)
    if top is None:
        raise ChurnError(f"The manifest has no int_{domain}__features_joined.")
    ordered: list[str] = []

    def visit(key: str) -> None:
        if key in ordered or key not in nodes:
            return
        for parent in nodes[key]["depends_on"].get("nodes", ()):
            visit(parent)
        ordered.append(key)

    visit(top)
    return [_view(nodes[key]) for key in ordered]


def stack_hash(stack: list[View]) -> str:
    """Return the SHA-256 of a stack's text."""
    text = "\n".join(f"{view.relation}\n{view.sql}" for view in stack)
    return hashlib.sha256(text.encode()).hexdigest()


def stack_script(stack: list[View]) -> str:
    """Return the stack as a script that makes each view; it expects the `lake` relations."""
    return "\n\n".join(f"create or replace view {view.relation} as\n{view.sql};" for view in stack)


def _view(node: dict[str, Any]) -> View:
    if node["resource_type"] == "seed":
        path = PROJECT / node["original_file_path"]
        sql = _seed_select(path.read_text())
    else:
        sql = (node.get("compiled_code") or "").strip()
    return View(relation=f"{node['schema']}.{node['alias']}", sql=sql)


def _seed_select(text: str) -> str:
    """A seed as a select, so that the stack needs no files."""
    header, *rows = [line.split(",") for line in text.strip().splitlines()]
    values = ",\n    ".join("(" + ", ".join(_literal(cell) for cell in row) + ")" for row in rows)
    return f"select * from (values\n    {values}\n) as seed ({', '.join(header)})"


def _literal(cell: str) -> str:
    if cell.isdigit():
        return cell
    if len(cell) == 10 and cell[4] == cell[7] == "-":
        return f"date '{cell}'"
    return "'" + cell.replace("'", "''") + "'"


def _manifest(home: Home) -> dict[str, Any]:
    path = home.dbt_target / "manifest.json"
    if not path.exists():
        raise ChurnError("Nothing has been built yet.", hint="Run `churn build` first.")
    manifest: dict[str, Any] = json.loads(path.read_text())
    return manifest
