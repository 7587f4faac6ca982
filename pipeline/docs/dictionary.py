"""The data dictionary: what the published tables are, from the YAML that describes them."""

from pathlib import Path

from pipeline.project.home import PROJECT
from pipeline.project.serving_tables import Table, published_tables

DICTIONARY = Path("docs/dictionary.md")


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


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def written(project: Path = PROJECT) -> dict[Path, str]:
    """Return what the dictionary's file must hold: path in the project → text."""
    return {DICTIONARY: dictionary_page(published_tables(project))}


def write_dictionary(project: Path = PROJECT) -> list[Path]:
    """Write the dictionary; return the path if it changed."""
    changed = []
    for path, text in written(project).items():
        target = project / path
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed
