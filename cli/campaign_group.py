"""The group of commands `churn campaign`."""

import typer

from cli.common import app

campaign = typer.Typer(
    help="Draft, launch and measure campaigns.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(campaign, name="campaign")
