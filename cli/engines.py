"""`churn engines`: other engines than DuckDB, and whether they make the same rows."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from cli.common import app, console, make_context, scratch_folder
from pipeline.project.errors import ChurnError

commands = typer.Typer(
    help="Build on another engine than DuckDB, and compare the rows.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(commands, name="engines")


@commands.command()
def compare(
    domain: Annotated[str, typer.Option(help="Domain whose models are compared.")],
    engine: Annotated[str, typer.Option("--with", help="Engine: sail or spark.")] = "sail",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON objects.")] = False,
) -> None:
    """Build labels, features and examples on DuckDB and another engine; exit code 3 if they differ.

    Nothing that is kept or published is touched.
    """
    from pipeline.engines.compare import compare_engines
    from pipeline.engines.environments import find_engine
    from pipeline.project.domains import domain_entries
    from pipeline.project.exit_codes import REFUSED
    from pipeline.project.home import home

    chosen = find_engine(engine)
    if chosen is None:
        raise ChurnError("DuckDB is what engines are compared with.", hint="--with sail or spark")
    context = make_context(domain)
    has_data = [one for one in domain_entries() if any((home().lake / one).glob("*/*"))]
    with scratch_folder(home()) as folder:
        found = compare_engines(
            home(), chosen, domain, has_data, context.variables, folder, console
        )
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found.models], indent=1))
    else:
        table = Table("model", "rows", "differing", "columns", "doubles equal to the last bit")
        for one in found.models:
            bits = f"{one.doubles_to_the_bit:,} of {one.doubles:,}" if one.doubles else ""
            table.add_row(
                one.model, f"{one.rows:,}", f"{one.differing:,}", ", ".join(one.columns), bits
            )
        console.print(table)
        seconds = ", ".join(f"{name} {took:.0f} s" for name, took in found.seconds.items())
        console.print(f"{chosen.title} against DuckDB, the start of the engine included: {seconds}")
    if any(one.differing for one in found.models):
        raise typer.Exit(REFUSED)
