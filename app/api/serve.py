"""Runs the API in this process."""

import os
import socket

import uvicorn
from limits import parse
from rich.console import Console

from app.api.factory import create_app
from app.api.http.memory import settle
from app.api.settings import ApiSettings
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home


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
        log_level="warning",
        access_log=False,  # paths hold ids of customers
        server_header=False,
        # what is not sent whole by then is not waited for
        timeout_graceful_shutdown=5,
        # a proxy in front is not believed unless uvicorn is told to
        proxy_headers="FORWARDED_ALLOW_IPS" in os.environ,
    )
    with listen(host, port) as listener:
        console.print(
            f"http://{host}:{listener.getsockname()[1]}  (/docs describes it; stop with Ctrl+C)",
            highlight=False,
        )
        settle()
        uvicorn.Server(config).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        ChurnError: The address is unknown, or the port is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # head and body are two writes: without it the second waits 40 ms for an acknowledgement
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listener.bind(address)
            listener.listen(128)
        except OSError:
            listener.close()
            raise
    except OSError as problem:
        raise ChurnError(
            f"{host}:{port} cannot be listened on: {problem.strerror or problem}.",
            hint="Choose another port: churn api --port N.",
        ) from problem
    return listener
