"""Registers all commands with the app and turns their errors into messages and exit codes."""

import sys

import duckdb

from cli import (
    api,
    campaigns,
    dispatch,
    domains,
    exports,
    flow,
    models,
    people,
    proofs,
    quality,
    retention,
    services,
    workshop,
)
from cli.common import app, show_error
from pipeline.project.errors import ChurnError

__all__ = [
    "api",
    "app",
    "campaigns",
    "dispatch",
    "domains",
    "exports",
    "flow",
    "models",
    "people",
    "proofs",
    "quality",
    "retention",
    "run",
    "services",
    "workshop",
]


def run() -> None:
    """Run the command line; a ChurnError becomes a message and an exit code."""
    try:
        app()
    except ChurnError as error:
        show_error(error)
        sys.exit(error.exit_code)
    except duckdb.IOException as problem:
        # a reader of the warehouse met the writer, or the writer met a forgotten reader
        if "Could not set lock on file" not in str(problem):
            raise
        show_error(
            ChurnError(
                "Another process has the database open.",
                where=str(problem).splitlines()[0],
                hint="Wait for the running command, or close the program that has the file open. "
                "Reading the published generation never blocks a command.",
            )
        )
        sys.exit(1)
