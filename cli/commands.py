"""All commands, registered with the app, and what becomes of an error that ends one."""

import sys

import duckdb

from cli import api, exports, flow, models, proofs, quality, retention, services, workshop
from cli.common import app, show_error
from pipeline.project.errors import ChurnError

__all__ = [
    "api",
    "app",
    "exports",
    "flow",
    "models",
    "proofs",
    "quality",
    "retention",
    "run",
    "services",
    "workshop",
]


def run() -> None:
    """Run the command that was asked for; a ChurnError becomes words and an exit code."""
    try:
        app()
    except ChurnError as error:
        show_error(error)
        sys.exit(error.exit_code)
    except duckdb.IOException as problem:
        # a reader of the warehouse meets the one writer, or the writer a forgotten reader
        if "Could not set lock on file" not in str(problem):
            raise
        show_error(
            ChurnError(
                "A database is held by another process.",
                where=str(problem).splitlines()[0],
                hint="Wait for the command that is running, or close what has the file open. "
                "Readers of what is published are never in the way.",
            )
        )
        sys.exit(1)
