"""For those who look: the viewer."""

from typing import Annotated

import typer

from pipeline.cli.common import app, console
from pipeline.settings import home


@app.command()
def viewer(
    port: Annotated[int, typer.Option(help="Port on the loopback.")] = 8501,
    api: Annotated[
        str | None,
        typer.Option(envvar="CHURN_API_URL", help="Address of the API, for what it computes."),
    ] = None,
    key: Annotated[
        str | None, typer.Option(envvar="CHURN_API_KEY", help="Key for it, scopes read and write.")
    ] = None,
) -> None:
    """Show the published tables to people who know customers (Ctrl-C ends it)."""
    from app.viewer.serve import serve_viewer

    console.print(f"http://127.0.0.1:{port}", highlight=False)
    raise typer.Exit(serve_viewer(home(), port, api, key))
