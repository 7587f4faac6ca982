"""The command line `churn`: each module registers its commands with the app."""

import sys

from pipeline.cli import flow, models, proofs, quality, retention, workshop
from pipeline.cli.common import app, console, show_error, writing
from pipeline.errors import ChurnError

__all__ = [
    "app",
    "console",
    "flow",
    "main",
    "models",
    "proofs",
    "quality",
    "retention",
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
