"""The group of commands `churn campaign`, which several files register."""

import typer

from cli.common import app

campaign = typer.Typer(
    help="Run campaigns and measure what they change.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(campaign, name="campaign")
