"""The command line `churn`: each module registers its commands with the app."""

import sys

import duckdb

from pipeline.cli import (
    api,
    exports,
    flow,
    models,
    proofs,
    quality,
    retention,
    services,
    workshop,
)
from pipeline.cli.common import app, console, show_error, writing
from pipeline.errors import ChurnError

__all__ = [
    "api",
    "app",
    "console",
    "exports",
    "flow",
    "main",
    "models",
    "proofs",
    "quality",
    "retention",
    "services",
    "show_error",
    "workshop",
    "writing",
]


def main() -> None:
    """Run the command line; a ChurnError becomes words and an exit code."""
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
