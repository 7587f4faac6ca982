"""Runs the API in this process."""

import os
import socket

import uvicorn
from limits import parse
from rich.console import Console

from app.api.factory import create_app
from app.api.http.connections import TimedProtocol, raise_file_limit
from app.api.http.memory import settle
from app.api.settings import ApiSettings
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home


def serve(home: Home, settings: ApiSettings, host: str, port: int, console: Console) -> None:
    """Serve until stopped.

    Raises:
        ChurnError: A limit is not valid, or the port is taken.
    """
    for words in (settings.rate_limit, settings.write_limit):
        try:
            parse(words)
        except ValueError as problem:
            raise ChurnError(
                f"{words!r} is not a rate limit.",
                hint="Write it like 600/minute or 20/second.",
            ) from problem
    config = uvicorn.Config(
        create_app(home, settings),
        http=TimedProtocol,
        log_level="warning",
        access_log=False,  # paths contain customer ids
        server_header=False,
        # seconds to wait for unfinished requests at the end
        timeout_graceful_shutdown=5,
        # headers of a proxy are not trusted unless uvicorn's own setting says so
        proxy_headers="FORWARDED_ALLOW_IPS" in os.environ,
    )
    raise_file_limit()
    with listen(host, port) as listener:
        console.print(
            f"http://{host}:{listener.getsockname()[1]}  (docs at /docs; stop with Ctrl+C)",
            highlight=False,
        )
        settle()
        uvicorn.Server(config).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 picks a free one.

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
            # head and body are two writes; with Nagle's algorithm the second would wait 40 ms
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            listener.bind(address)
            listener.listen(1024)
        except OSError:
            listener.close()
            raise
    except OSError as problem:
        raise ChurnError(
            f"Cannot listen on {host}:{port}: {problem.strerror or problem}.",
            hint="Choose another port: churn api --port N.",
        ) from problem
    return listener
