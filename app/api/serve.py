"""Runs the API in this process."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from limits import parse
from rich.console import Console

from app.api.factory import create_app
from app.api.http.connections import TimedProtocol, raise_file_limit
from app.api.http.memory import settle
from app.api.settings import ApiSettings
from pipeline.campaigns.dispatch import Dispatcher
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home


def serve(
    home: Home,
    settings: ApiSettings,
    host: str,
    port: int,
    console: Console,
    *,
    dispatches: bool = False,
) -> None:
    """Serve until stopped.

    Args:
        home: CHURN_HOME.
        settings: Limits.
        host: Address to listen on.
        port: Port to listen on.
        console: Where the address is printed.
        dispatches: Send the messages of campaigns, too.

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
    with listen(host, port) as listener, _dispatching(home, dispatches):
        console.print(
            f"http://{host}:{listener.getsockname()[1]}  (docs at /docs; stop with Ctrl+C)",
            highlight=False,
        )
        settle()
        uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _dispatching(home: Home, dispatches: bool) -> Iterator[None]:
    """Send messages beside the API; what is under way at the end is finished."""
    if not dispatches:
        yield
        return
    dispatcher, stop = Dispatcher(home), threading.Event()
    thread = threading.Thread(target=dispatcher.run, args=(stop,), name="dispatcher")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        dispatcher.close()


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
