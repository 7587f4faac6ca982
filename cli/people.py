"""`churn people`: who may use the viewer, and as what."""

from typing import Annotated

import typer
from rich.table import Table

from app.people import ROLE_WORDS, ROLES, Role, add_person, read_people, remove_person
from cli.common import app, console
from pipeline.project.errors import ChurnError
from pipeline.project.home import home

people = typer.Typer(help="Who may use the viewer, and as what.", no_args_is_help=True)
app.add_typer(people, name="people")


@people.command()
def add(
    name: Annotated[str, typer.Argument(help="Name to sign in with, or an e-mail address.")],
    role: Annotated[
        Role,
        typer.Option(help="; ".join(f"{one}: {ROLE_WORDS[one]}" for one in ROLES) + "."),
    ] = "view",
    password: Annotated[
        bool,
        typer.Option(
            "--password/--no-password",
            help="Ask for a password; without one the person signs in by OpenID Connect.",
        ),
    ] = True,
) -> None:
    """Add a person, or give one another role and password."""
    word = typer.prompt("Password", hide_input=True, confirmation_prompt=True) if password else None
    add_person(home(), name, role, word)
    console.print(f"{name} may {ROLE_WORDS[role]}.", highlight=False, markup=False)


@people.command(name="list")
def list_people() -> None:
    """Show who may use the viewer."""
    found = read_people(home())
    if found is None:
        raise ChurnError("Nobody was added yet.", hint="churn people add NAME --role mark")
    table = Table(title_justify="left")
    for title in ("name", "role", "may", "signs in"):
        table.add_column(title)
    for name, role in sorted(found.roles.items()):
        how = "with a password" if name in found.passwords else "elsewhere"
        table.add_row(name, role, ROLE_WORDS[role], how)
    console.print(table)


@people.command()
def remove(name: Annotated[str, typer.Argument(help="Name of the person.")]) -> None:
    """Remove a person; their open pages end with the next click."""
    remove_person(home(), name)
    console.print(f"{name} is removed.", highlight=False, markup=False)
