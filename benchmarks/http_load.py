"""A cheap load client: plain keep-alive sockets with one request at a time each."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT, Home

# Returns what is wrong with an answer, or None.
Check = Callable[[dict[str, Any]], str | None]


@dataclass
class Load:
    """The results of a load.

    Attributes:
        seconds: Duration.
        milliseconds: Latency of each request, from the first byte out to the last byte in.
        errors: Answers other than 200, and broken connections.
        faults: Answers that failed the check.
    """

    seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return len(self.milliseconds) / self.seconds

    def quantile(self, share: float) -> float:
        """Return a quantile of the latencies, in milliseconds."""
        return float(np.quantile(self.milliseconds, share))


def run_load(
    port: int,
    requests: Sequence[bytes],
    *,
    connections: int,
    until: Callable[[float, int], bool],
    check: Check | None = None,
) -> Load:
    """Send requests in turn over a number of connections until a condition holds.

    Args:
        port: Loopback port.
        requests: Complete HTTP/1.1 requests.
        connections: Number of connections; each waits for its answer before the next request.
        until: Gets the elapsed seconds and the number of answers; true ends the load.
        check: Checks each parsed answer.
    """
    return asyncio.run(_run(port, requests, connections, until, check))


async def _run(
    port: int,
    requests: Sequence[bytes],
    connections: int,
    until: Callable[[float, int], bool],
    check: Check | None,
) -> Load:
    load, began = Load(), time.perf_counter()

    async def worker(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        place = number * len(requests) // connections
        while not until(time.perf_counter() - began, len(load.milliseconds)):
            sent = time.perf_counter()
            writer.write(requests[place % len(requests)])
            place += 1
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(_header(head, b"content-length"))
                body = await reader.readexactly(length)
            except (OSError, asyncio.IncompleteReadError) as broken:
                load.errors.append(type(broken).__name__)
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                continue
            load.milliseconds.append(1000 * (time.perf_counter() - sent))
            if not head.startswith(b"HTTP/1.1 200"):
                load.errors.append(body[:300].decode("utf-8", "replace"))
            elif check is not None and (fault := check(json.loads(body))) is not None:
                load.faults.append(fault)
        writer.close()

    await asyncio.gather(*(worker(number) for number in range(connections)))
    load.seconds = time.perf_counter() - began
    return load


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip()
    return b"0"


def get(path: str, key: str | None = None) -> bytes:
    """Return a complete GET request."""
    headers = f"X-API-Key: {key}\r\n" if key else ""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n{headers}\r\n".encode()


@contextmanager
def serving(home: Home, *arguments: str, module: str = "cli") -> Iterator[int]:
    """Start a server in its own process and yield its port; it is stopped at the end.

    Args:
        home: CHURN_HOME.
        arguments: Arguments of the module; its first line of output must contain `:PORT`.
        module: Module to run with `python -m`.

    Raises:
        ChurnError: It did not start.
    """
    log = home.root / "server.log"
    home.root.mkdir(parents=True, exist_ok=True)
    with (
        log.open("wb") as errors,
        subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", module, *arguments],
            env=os.environ | {"CHURN_HOME": str(home.root), "COLUMNS": "200"},
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        line = process.stdout.readline()
        port = line.split("  ")[0].rstrip().rsplit(":", 1)[-1]
        if not port.isdecimal():
            process.kill()
            raise ChurnError(
                "The server did not start.",
                where=log.read_text()[-2_000:],
                hint="Start it by hand to see why.",
            )
        try:
            _wait(int(port))
            yield int(port)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(port: int, seconds: float = 30) -> None:
    """Wait until a server answers."""
    until = time.monotonic() + seconds
    while True:
        try:
            found = run_load(port, [get("/healthz")], connections=1, until=lambda _, n: n >= 1)
        except OSError:
            found = None
        if found is not None and found.milliseconds:
            return
        if time.monotonic() > until:
            raise ChurnError(f"The server does not answer on port {port}.", hint="Run it again.")
        time.sleep(0.1)
