"""Runs the API in this process."""

import os

import uvicorn
from limits import parse
from rich.console import Console

from app.api.factory import create_app
from app.api.settings import ApiSettings
from pipeline.errors import ChurnError
from pipeline.settings import Home


def serve(home: Home, settings: ApiSettings, host: str, port: int, console: Console) -> None:
    """Serve until somebody stops it.

    Raises:
        ChurnError: A limit cannot be read, or the port is taken.
    """
    for words in (settings.rate_limit, settings.write_limit):
        try:
            parse(words)
        except ValueError as problem:
            raise ChurnError(
                f"{words!r} is no rate limit.", hint="Write it as 600/minute or 20/second."
            ) from problem
    config = uvicorn.Config(
        create_app(home, settings),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,  # paths hold ids of customers
        server_header=False,
        # a proxy in front is not believed unless uvicorn is told to
        proxy_headers="FORWARDED_ALLOW_IPS" in os.environ,
    )
    try:
        listener = config.bind_socket()
    except SystemExit as taken:
        raise ChurnError(
            f"Port {port} cannot be opened.", hint="Choose another one: churn api --port N."
        ) from taken
    with listener:
        console.print(
            f"http://{host}:{listener.getsockname()[1]}  (openapi.json describes it; stop with "
            "Ctrl+C)",
            highlight=False,
        )
        uvicorn.Server(config).run(sockets=[listener])
