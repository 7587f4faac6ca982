"""Registers all commands with the app and turns their errors into messages and exit codes."""

import sys

from cli import (
    alerts,
    api,
    campaigns,
    connections,
    corrections,
    digest,
    dispatch,
    domains,
    engines,
    experiments,
    exports,
    flow,
    models,
    nightly,
    people,
    proofs,
    quality,
    retention,
    safety,
    services,
    workshop,
)
from cli.common import app, show_error
from pipeline.project.errors import ChurnError
from pipeline.project.failures import in_words

__all__ = [
    "alerts",
    "api",
    "app",
    "campaigns",
    "connections",
    "corrections",
    "digest",
    "dispatch",
    "domains",
    "engines",
    "experiments",
    "exports",
    "flow",
    "models",
    "nightly",
    "people",
    "proofs",
    "quality",
    "retention",
    "run",
    "safety",
    "services",
    "workshop",
]


def run() -> None:
    """Run the command line; what the user can act on becomes a message and an exit code."""
    try:
        app()
    except ChurnError as error:
        show_error(error)
        sys.exit(error.exit_code)
    except Exception as problem:
        told = in_words(problem)
        if told is None:
            raise
        show_error(told)
        sys.exit(told.exit_code)
