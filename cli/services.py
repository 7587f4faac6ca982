"""`churn viewer` and `churn app`: the viewer alone, or together with the API."""

from typing import Annotated

import typer

from cli.common import app, console
from pipeline.project.home import home


@app.command()
def viewer(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8501,
    api: Annotated[
        str | None,
        typer.Option(
            envvar="CHURN_API_URL", help="Address of the API, for plan trials and audiences."
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            envvar="CHURN_API_KEY",
            help="API key with the scopes of all roles: read, write, plan, approve.",
        ),
    ] = None,
) -> None:
    """Serve the viewer for marketers; stop it with Ctrl+C."""
    from app.viewer.serve import serve_viewer

    console.print(f"http://127.0.0.1:{port}", highlight=False)
    raise typer.Exit(serve_viewer(home(), port, api, key))


@app.command("app")
def both(
    port: Annotated[int, typer.Option(help="Port of the viewer on this machine.")] = 8501,
    api_port: Annotated[int, typer.Option(help="Port of the API; 0 picks a free one.")] = 8000,
) -> None:
    """Serve the API and the viewer together; stop both with Ctrl+C."""
    from cli.launcher import together

    with together(home(), port, api_port) as process:
        console.print(f"Viewer: http://127.0.0.1:{port}", highlight=False)
        try:
            process.wait()
        except KeyboardInterrupt:
            console.print("Stopped.")
