"""Runs the exploration notebooks on the data of a CHURN_HOME."""

import os
from pathlib import Path
from typing import Any

from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT, Home

FOLDER = PROJECT / "notebooks"
_SECONDS = 1_800  # for one cell, on files of full size


def notebook_paths() -> list[Path]:
    """Return the paths of the notebooks, sorted by name."""
    return sorted(FOLDER.glob("*.ipynb"))


def run_notebook(path: Path, home: Home) -> Any:
    """Run a notebook on a CHURN_HOME and return it with outputs; the file is not changed.

    Args:
        path: The notebook.
        home: CHURN_HOME to read; nothing is written there.

    Raises:
        ChurnError: A cell failed; with the last line of its traceback.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(notebook, kernel_name="python3", timeout=_SECONDS, startup_timeout=300)
    environment = os.environ | {
        "CHURN_HOME": str(home.root),
        "PYTHONPATH": _python_path(),
        # pictures go into the notebook, whatever backend the calling process uses
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    try:
        client.execute(env=environment, cwd=str(path.parent))
    except CellExecutionError as failure:
        raise ChurnError(
            f"{path.name} stopped.",
            where=f"{failure.ename}: {failure.evalue}",
            hint="Open it in Jupyter with the same CHURN_HOME to see the cell.",
        ) from failure
    return notebook


def _python_path() -> str:
    """Put the project first on the path, so that the kernel runs this code."""
    return os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
