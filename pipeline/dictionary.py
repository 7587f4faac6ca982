"""The data dictionary: what the published tables are, from the YAML that describes them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.settings import PROJECT

DICTIONARY = Path("docs/dictionary.md")
README = Path("README.md")
# Folders of models/serving in the order in which a reader wants their tables.
_FOLDERS = {"customers": 1, "plan": 2, "quality": 3, "crm": 4}
_README_TABLE = re.compile(r"(?<=<!-- tables -->\n).*?(?=<!-- /tables -->)", re.DOTALL)


@dataclass(frozen=True)
class Column:
    """One column of a published table.

    Attributes:
        name: Its name.
        data_type: DuckDB's name of its type.
        unit: Unit of a number, None for what is no number.
        description: What it means.
    """

    name: str
    data_type: str
    unit: str | None
    description: str


@dataclass(frozen=True)
class Table:
    """One published table.

    Attributes:
        name: Its name in the schema `serving`.
        description: Opens with the grain.
        question: What it is asked.
        key: Columns that name a row.
        columns: All of them, in order.
    """

    name: str
    description: str
    question: str | None
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def grain(self) -> str:
        """What a row is: the description's first sentence."""
        return self.description.partition(". ")[0].removeprefix("One row per ").removesuffix(".")


def published_tables(project: Path = PROJECT) -> list[Table]:
    """Return the published tables as the YAML describes them, those of every domain first."""
    return [
        _table(model)
        for path in _descriptions(project)
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", ())
        if model["name"].startswith(("bi_", "crm_"))
    ]


def _descriptions(project: Path) -> Iterator[Path]:
    """The shared tables, then what each domain publishes of its own."""
    shared = (project / "models" / "serving").rglob("*.yml")
    yield from sorted(shared, key=lambda path: (_FOLDERS.get(path.parent.name, 0), path))
    yield from sorted((project / "models").glob("*/marts/*.yml"))


def _table(model: dict[str, Any]) -> Table:
    keys = [
        test["is_unique_by"]["arguments"]["columns"]
        for test in model.get("data_tests", ())
        if isinstance(test, dict) and "is_unique_by" in test
    ]
    return Table(
        name=model["name"],
        description=" ".join(model["description"].split()),
        question=_meta(model).get("question"),
        key=tuple(keys[0]) if keys else (),
        columns=tuple(
            Column(
                column["name"],
                column.get("data_type", ""),
                _meta(column).get("unit"),
                " ".join(column.get("description", "").split()),
            )
            for column in model["columns"]
        ),
    )


def _meta(node: dict[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = node.get("config", {}).get("meta") or {}
    return meta


def dictionary_page(tables: list[Table]) -> str:
    """Return the dictionary as Markdown."""
    parts = [
        "# Data dictionary",
        "<!-- made by `churn dictionary` from the YAML beside the models; edit that -->",
        "Every table of a published generation, schema `serving`. A number has a unit; `money` is "
        "in the domain's currency (`bi_domains`). Tables and columns are added, never renamed.",
        "\n".join(f"- [`{table.name}`](#{table.name}): {table.question}" for table in tables),
    ]
    for table in tables:
        rows = "\n".join(
            f"| `{column.name}` | {column.data_type} | {column.unit or ''} | "
            f"{_cell(column.description)} |"
            for column in table.columns
        )
        parts += [
            f"## {table.name}",
            f"*{table.question}*",
            table.description,
            "Key: " + ", ".join(f"`{name}`" for name in table.key) + ".",
            f"| column | type | unit | meaning |\n|---|---|---|---|\n{rows}",
        ]
    return "\n\n".join(parts) + "\n"


def readme_table(tables: list[Table]) -> str:
    """Return the README's table of tables."""
    rows = "\n".join(
        f"| `{table.name}` | {_cell(table.grain)} | {_cell(table.question or '')} |"
        for table in tables
    )
    return f"| table | one row per | answers |\n|---|---|---|\n{rows}\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def written(project: Path = PROJECT) -> dict[Path, str]:
    """Return what the dictionary's files must hold: path in the project → text."""
    tables = published_tables(project)
    readme = (project / README).read_text(encoding="utf-8")
    return {
        DICTIONARY: dictionary_page(tables),
        README: _README_TABLE.sub(lambda _: readme_table(tables), readme),
    }


def write_dictionary(project: Path = PROJECT) -> list[Path]:
    """Write the dictionary and the README's table anew; return the paths that changed."""
    changed = []
    for path, text in written(project).items():
        target = project / path
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed
