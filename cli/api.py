"""The HTTP API and its keys."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from cli.common import app, console
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.home import home

commands = typer.Typer(help="Keys of the API.", no_args_is_help=True)
app.add_typer(commands, name="keys")


@app.command()
def api(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    rate_limit: Annotated[str, typer.Option(help="Requests of one key.")] = "1200/minute",
    write_limit: Annotated[str, typer.Option(help="Its requests that are no GET.")] = "120/minute",
    max_age_hours: Annotated[
        float, typer.Option(min=0, help="When what is published is not fresh any more.")
    ] = 168,
) -> None:
    """Serve the published generation over HTTP; `churn keys create` makes a key."""
    from app.api.http.memory import keep_small_blocks

    keep_small_blocks()  # before the rest is loaded, since it is loaded again

    from app.api.serve import serve
    from app.api.settings import ApiSettings

    settings = ApiSettings(
        rate_limit=rate_limit, write_limit=write_limit, max_age_hours=max_age_hours
    )
    serve(home(), settings, host, port, console)


@commands.command()
def create(
    name: Annotated[str, typer.Option(help="Whose key it is.")],
    scope: Annotated[list[str], typer.Option(help="read, predict, write or admin; repeatable.")],
    domain: Annotated[
        list[str] | None, typer.Option(help="For this domain only; repeatable.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Works for so many days.")
    ] = None,
) -> None:
    """Make a key and print it alone on the last line; it cannot be shown again."""
    from app.api.access.keys import create_key
    from app.api.access.store import Store

    for one in domain or ():
        check_domain(one, domain_entries())
    until = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=days) if days else None
    token = create_key(Store(home()), name, scope, domain or (), until)
    console.print("Send it as X-API-Key. It is kept as a hash and cannot be shown again.")
    console.print(token, highlight=False, markup=False, soft_wrap=True)


@commands.command("list")
def list_() -> None:
    """List the keys that were ever made; none can be read back."""
    from app.api.access.keys import list_keys
    from app.api.access.store import Store

    table = Table()
    for title in ("id", "name", "scopes", "domains", "made", "until", "state"):
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
            "works" if key.is_good(now) else "revoked" if key.revoked_at else "expired",
        )
    console.print(table)


@commands.command()
def revoke(named: Annotated[str, typer.Argument(help="Its id or name.")]) -> None:
    """Revoke a key, from its next request on."""
    from app.api.access.keys import revoke_key
    from app.api.access.store import Store

    key = revoke_key(Store(home()), named)
    console.print(f"{key.principal.name} ({key.principal.id}) is revoked.", highlight=False)
