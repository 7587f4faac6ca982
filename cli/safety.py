"""`churn verify`, `backup` and `restore`: what is stored stays, and can be had again."""

from pathlib import Path
from typing import Annotated

import typer

from cli.common import app, console, writing
from pipeline.project.exit_codes import FAILED
from pipeline.project.home import home


@app.command(epilog="Exit codes: 0 everything is whole, 1 something is damaged.")
def verify() -> None:
    """Read every store and compare it with what was written; damaged files are named."""
    from pipeline.operations.verify import verify as read_everything
    from pipeline.report.verified import show_verified

    if show_verified(console, read_everything(home())):
        raise typer.Exit(FAILED)


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder, best on another disk.")],
    wait: Annotated[
        float, typer.Option(help="Minutes to wait for a moment in which nothing is written.")
    ] = 30,
) -> None:
    """Copy CHURN_HOME while everything runs, with content hashes; raw files are not copied."""
    from pipeline.operations.backup import back_up

    made = back_up(home(), folder, _say, wait * 60)
    state = "with the state" if made.state_version else "without a state"
    console.print(
        f"{made.files:,} files, {made.bytes / 1e6:,.1f} MB, {state}, "
        f"published: {made.generation or 'nothing'}",
        highlight=False,
    )
    console.print(f"To restore it: churn restore {folder}", highlight=False, soft_wrap=True)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="A folder that churn backup made.")],
    yes: Annotated[bool, typer.Option("--yes", help="Replace what is in CHURN_HOME.")] = False,
) -> None:
    """Put a backup in the place of what is in CHURN_HOME; services may run."""
    from pipeline.operations.restore import restore as put_back

    where = home()
    with writing(where, is_restoring=True):
        made = put_back(where, folder, _say, is_agreed=yes)
    console.print(
        f"Restored, published: {made.generation or 'nothing'}. The next run builds the warehouse.",
        highlight=False,
    )


def _say(words: str) -> None:
    console.print(f"· {words}", highlight=False, soft_wrap=True)
