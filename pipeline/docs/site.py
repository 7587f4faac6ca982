"""Lays out the pages of the docs site and builds it."""

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import typer
from rich.console import Console

from pipeline.docs.cli_reference import REFERENCE, cli_reference
from pipeline.docs.notebooks import notebook_paths, run_notebook
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT, Home
from pipeline.publish.generation import current
from pipeline.runs.registry import live_name, live_run
from pipeline.warehouse.dbt import dbt

# Pages of docs/ listed as reference; all others are guides.
_REFERENCE = ("dictionary.md", "cli.md")
_TRACKER = re.compile(r"//[a-z0-9]+\.cloudfront\.net/[\w./-]+\.js")
_PICTURES = ("beeswarm.png", "waterfall.png")


def build_site(
    home: Home, app: typer.Typer, console: Console, target: Path, *, data: bool = True
) -> Path:
    """Build the site and return the path of its first page.

    Args:
        home: CHURN_HOME with the data for notebooks, info sheets and dbt docs. The pages say what
            is missing.
        app: The command line, for its reference.
        console: Console for progress.
        target: Folder of the site; it is replaced.
        data: Whether to run notebooks and dbt, which takes a minute; otherwise only text pages.

    Raises:
        ChurnError: Sphinx is not installed, a notebook failed, or a page is broken.
    """
    _check_installed()
    home.work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=home.work, prefix="site-") as folder:
        source = Path(folder) / "source"
        lay_out(home, app, source)
        if data:
            _add_dbt(home, console, source)
            for path in notebook_paths():
                with console.status(f"running {path.name}"):
                    _add_notebook(path, home, source)
        _write_index(home, source, data=data)
        with console.status("building the pages"):
            _sphinx(source, Path(folder) / "html", Path(folder) / "doctrees")
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(
            Path(folder) / "html",
            target,
            ignore=shutil.ignore_patterns(".buildinfo", "objects.inv", "_sources"),
        )
    return target / "index.html"


def lay_out(home: Home, app: typer.Typer, source: Path) -> None:
    """Copy the text pages to the same relative paths as in the project, so that links work."""
    (source / "docs").mkdir(parents=True)
    for name in ("README.md", "CHANGELOG.md", "DECISIONS.md", "LICENSE"):
        shutil.copyfile(PROJECT / name, source / name)
    for page in sorted((PROJECT / "docs").glob("*.md")):
        shutil.copyfile(page, source / "docs" / page.name)
    shutil.copytree(PROJECT / "docs" / "images", source / "docs" / "images")
    (source / REFERENCE).write_text(cli_reference(app), encoding="utf-8")
    _add_info_sheets(home, source / "info_sheets")


def _add_info_sheets(home: Home, folder: Path) -> None:
    """The info sheet of each domain's live run, with the pictures of its drivers."""
    folder.mkdir()
    for domain in domain_entries():
        if live_name(home, domain) is None:
            continue
        run = live_run(home, domain)
        text = (run / "info_sheet.md").read_text(encoding="utf-8")
        for name in _PICTURES:
            found = sorted(run.glob(f"scores/*/{name}"))
            if found:
                shutil.copyfile(found[-1], folder / f"{domain}_{name}")
                text += f"\n![{Path(name).stem}]({domain}_{name})\n"
        (folder / f"{domain}.md").write_text(text, encoding="utf-8")


def _add_dbt(home: Home, console: Console, source: Path) -> None:
    dbt(home, "docs", "generate", "--static", console=console, title="dbt docs")
    place = source / "extra" / "dbt"
    place.mkdir(parents=True)
    page = (home.dbt_target / "static_index.html").read_text(encoding="utf-8")
    # dbt's page would report visits here if configured to
    (place / "index.html").write_text(_TRACKER.sub("data:,", page), encoding="utf-8")
    (source / "dbt.md").write_text(
        "# Models, tests and lineage\n\n"
        "dbt documents every model with its SQL, columns, tests and lineage: "
        '<a href="dbt/index.html">open the dbt docs</a>.\n'
    )


def _add_notebook(path: Path, home: Home, source: Path) -> None:
    notebook = run_notebook(path, home)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # pictures first; the code is a click away
            cell.metadata["tags"] = ["hide-input"]
    place = source / "notebooks" / path.name
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(notebook), encoding="utf-8")


def _write_index(home: Home, source: Path, *, data: bool) -> None:
    live = current(home)
    made = (
        f"Published: {live.name}."
        if live
        else "Nothing is published yet: run `make demo` or `churn run --domain DOMAIN --raw DIR`."
    )
    sheets = sorted(path.stem for path in (source / "info_sheets").glob("*.md"))
    missing = [] if sheets else ["No model is live yet, so there is no info sheet."]
    guide = [p.stem for p in sorted((source / "docs").glob("*.md")) if p.name not in _REFERENCE]
    reference = [f"docs/{Path(name).stem}" for name in _REFERENCE]
    reference = [page for page in reference if (source / f"{page}.md").exists()]
    trees = {
        "Guide": ["README", *(f"docs/{name}" for name in guide)],
        "Exploring the data": [f"notebooks/{p.stem}" for p in notebook_paths()] if data else [],
        "Live models": [f"info_sheets/{name}" for name in sheets],
        "Reference": [*reference, *(["dbt"] if data else []), "CHANGELOG", "DECISIONS"],
    }
    parts = [
        "# Churn platform",
        "Who is likely to leave, why, and what to do about it: from raw behaviour to published "
        "tables. These pages work offline.",
        f"Generated {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {' '.join([made, *missing])}",
        *(_toctree(title, pages) for title, pages in trees.items() if pages),
    ]
    (source / "index.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _toctree(title: str, pages: list[str]) -> str:
    return "\n".join(["```{toctree}", ":maxdepth: 1", f":caption: {title}", "", *pages, "```"])


def _sphinx(source: Path, target: Path, doctrees: Path) -> None:
    """Build the pages; warnings are errors, so that dead links are found.

    Runs in its own process, because Sphinx keeps global state.
    """
    call = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-N"]
    call += ["-c", str(PROJECT / "docs"), "-d", str(doctrees)]
    extra = source / "extra"
    call += ["-D", f"html_extra_path={extra}"] if extra.exists() else []
    done = subprocess.run(  # noqa: S603 - the environment's own Sphinx
        [*call, str(source), str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    output = (done.stderr or (done.stdout if done.returncode else "")).strip()
    if done.returncode or "WARNING" in output or "ERROR" in output:
        raise ChurnError(
            "The docs site has broken pages.",
            where=output.replace(f"{source}/", ""),
            hint="Fix them in the project; the paths are relative to it.",
        )


def _check_installed() -> None:
    try:
        for name in ("furo", "myst_nb", "nbclient"):
            import_module(name)
    except ImportError as missing:
        raise ChurnError(
            "The packages for the docs site are not installed.",
            where=str(missing),
            hint="Install them: .venv/bin/python -m pip install --editable '.[docs]'",
        ) from missing
