"""The group `churn campaign`, whose commands several files register."""

import typer

from cli.common import app

campaign_commands = typer.Typer(
    help="Run campaigns and measure what they change.", no_args_is_help=True
)
app.add_typer(campaign_commands, name="campaign")


@campaign_commands.callback()
def campaigns() -> None:
    """Run campaigns and measure what they change."""
