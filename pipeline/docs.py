"""dbt's documentation as one static page that opens without a server."""

import shutil
from pathlib import Path

from rich.console import Console

from pipeline.dbt import dbt
from pipeline.settings import PROJECT, Home


def write_docs(home: Home, console: Console) -> Path:
    """Write `target/docs/index.html` and return its path."""
    dbt(home, "docs", "generate", "--static", console=console, title="documentation")
    folder = PROJECT / "target" / "docs"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "index.html"
    shutil.copyfile(home.dbt_target / "static_index.html", path)
    return path
