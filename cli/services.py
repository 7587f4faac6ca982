"""For those who look: the viewer, alone or with the API."""

from typing import Annotated

import typer

from cli.common import app, console
from pipeline.project.home import home


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


@app.command("app")
def both(
    port: Annotated[int, typer.Option(help="The viewer's port on the loopback.")] = 8501,
    api_port: Annotated[int, typer.Option(help="The API's port; 0 takes a free one.")] = 8000,
) -> None:
    """Serve API and viewer together (Ctrl-C ends both)."""
    from cli.launcher import together

    with together(home(), port, api_port) as process:
        console.print(f"Viewer: http://127.0.0.1:{port}", highlight=False)
        try:
            process.wait()
        except KeyboardInterrupt:
            console.print("Stopped.")
