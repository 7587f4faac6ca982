"""`churn export`: published tables in other tools' formats."""

from pathlib import Path
from typing import Annotated

import typer

from cli.common import app, console
from pipeline.project.home import home

export_commands = typer.Typer(help="Export published tables to other tools.", no_args_is_help=True)
app.add_typer(export_commands, name="export")


@export_commands.callback()
def exports() -> None:
    """Export published tables to other tools."""


@export_commands.command("tableau")
def export_tableau(
    seen_as: Annotated[
        str | None,
        typer.Option(help="Path of current.hyper as Tableau sees it, such as a network share."),
    ] = None,
    packed: Annotated[
        list[str] | None,
        typer.Option(help="Table to also pack with its rows, for Tableau Server; repeatable."),
    ] = None,
) -> None:
    """Write the published bi_ tables as a Tableau extract with a data source for each table."""
    from pipeline.tableau import export

    with console.status("writing the extract"):
        done = export(home(), seen_as, packed or ())
    console.print(
        f"{done.generation}: {len(done.rows)} tables, {sum(done.rows.values()):,} rows",
        highlight=False,
    )
    for path in (done.extract, *done.packages, done.sources[0].parent):
        console.print(str(path), highlight=False, markup=False, soft_wrap=True)


@export_commands.command("csv")
def export_csv(
    tables: Annotated[list[str], typer.Argument(help="Published tables, such as bi_customer_360.")],
    folder: Annotated[
        Path | None, typer.Option(help="Where to write; published/csv by default.")
    ] = None,
) -> None:
    """Write published tables as CSV for machines: exact values, text in quotes, times in UTC."""
    from pipeline.publish.csv_copies import export_csv as export

    done = export(home(), tables, folder)
    console.print(
        f"{done.generation}: {len(done.rows)} tables, {sum(done.rows.values()):,} rows",
        highlight=False,
    )
    for path in done.files:
        console.print(str(path), highlight=False, markup=False, soft_wrap=True)
