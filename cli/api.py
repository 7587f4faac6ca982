"""`churn api` and `churn keys`: serve the HTTP API and manage its keys."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from cli.common import app, console
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.home import home

commands = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)
app.add_typer(commands, name="keys")


@app.command()
def api(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")
    ] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    rate_limit: Annotated[str, typer.Option(help="Requests allowed per key.")] = "1200/minute",
    write_limit: Annotated[
        str, typer.Option(help="Requests other than GET allowed per key.")
    ] = "120/minute",
    max_age_hours: Annotated[
        float, typer.Option(min=0, help="/readyz fails when the published generation is older.")
    ] = 168,
    dispatch: Annotated[
        bool, typer.Option("--dispatch", help="Send the messages of campaigns, too.")
    ] = False,
) -> None:
    """Serve the published generation over HTTP; create a key with `churn keys create`."""
    from app.api.http.memory import keep_small_blocks

    keep_small_blocks()  # first, because it restarts the process

    from app.api.serve import serve
    from app.api.settings import ApiSettings

    settings = ApiSettings(
        rate_limit=rate_limit, write_limit=write_limit, max_age_hours=max_age_hours
    )
    serve(home(), settings, host, port, console, dispatches=dispatch)


@commands.command()
def create(
    name: Annotated[str, typer.Option(help="Name of the owner or use, such as 'crm sync'.")],
    scope: Annotated[list[str], typer.Option(help="read, predict, write or admin; repeatable.")],
    domain: Annotated[
        list[str] | None,
        typer.Option(help="Domain the key may access; repeatable; all by default."),
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(min=1, max=36_500, help="Days until the key expires; never by default."),
    ] = None,
) -> None:
    """Create a key and print it on the last line; it cannot be shown again."""
    from app.api.access.keys import create_key
    from app.api.access.store import Store

    for one in domain or ():
        check_domain(one, domain_entries())
    until = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=days) if days else None
    token = create_key(Store(home()), name, scope, domain or (), until)
    console.print(
        "Send it in the header X-API-Key. Only its hash is stored, so it cannot be shown again."
    )
    console.print(token, highlight=False, markup=False, soft_wrap=True)


@commands.command("list")
def list_() -> None:
    """List all keys ever created, without the keys themselves."""
    from app.api.access.keys import list_keys
    from app.api.access.store import Store

    table = Table()
    for title in ("id", "name", "scopes", "domains", "created", "expires", "status"):
        table.add_column(title, no_wrap=title == "id")
    now = datetime.now(UTC).replace(tzinfo=None)
    for key in list_keys(Store(home())):
        table.add_row(
            key.principal.id,
            key.principal.name,
            " ".join(sorted(key.principal.scopes)),
            " ".join(sorted(key.principal.domains)) or "all",
            f"{key.created_at:%Y-%m-%d}",
            f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "–",
            "active" if key.is_good(now) else "revoked" if key.revoked_at else "expired",
        )
    console.print(table)


@commands.command()
def revoke(named: Annotated[str, typer.Argument(help="Id or name of the key.")]) -> None:
    """Revoke a key; its next request is refused."""
    from app.api.access.keys import revoke_key
    from app.api.access.store import Store

    key = revoke_key(Store(home()), named)
    console.print(f"{key.principal.name} ({key.principal.id}) is revoked.", highlight=False)
