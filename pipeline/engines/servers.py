"""Starts an engine for one build, or finds the one that CHURN_ENGINE_URL names."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.engines.environments import BuildEngine, own_target
from pipeline.project.errors import ChurnError

_HERE = "127.0.0.1"
_WAIT_SECONDS = 60.0


@contextmanager
def serving(engine: BuildEngine, folder: Path) -> Iterator[str | None]:
    """Give the address of an engine; None where dbt brings it, or a target has its own address.

    Args:
        engine: The engine.
        folder: Where a server that is started here writes its log.

    Raises:
        ChurnError: It does not start, or the one that is named does not answer.
    """
    if own_target():
        yield None
    elif named := os.environ.get("CHURN_ENGINE_URL"):
        _check_answers(engine, named)
        yield named
    elif not engine.is_server:
        yield None
    else:
        with _started(engine, folder) as url:
            yield url


def _check_answers(engine: BuildEngine, url: str) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or port is None or parts.scheme not in engine.protocols:
        raise ChurnError(
            f"CHURN_ENGINE_URL={url} is not the address of a server of {engine.title}.",
            hint="Write it as "
            + " or ".join(f"{protocol}://HOST:PORT" for protocol in engine.protocols),
        )
    if not _answers(host, port):
        raise ChurnError(
            f"{engine.title} does not answer.",
            where=url,
            hint="Start the server, or fix CHURN_ENGINE_URL. Nothing was built or published.",
        )


def _answers(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port), timeout=5):
        return True
    return False


@contextmanager
def _started(engine: BuildEngine, folder: Path) -> Iterator[str]:
    program = engine.program(engine.name)
    with socket.socket() as probe:
        probe.bind((_HERE, 0))
        port = probe.getsockname()[1]
    log = folder / "server.log"
    with (
        log.open("wb") as file,
        subprocess.Popen(  # noqa: S603 - the engine's own server, on the loopback
            [str(program), "spark", "server", "--ip", _HERE, "--port", str(port)],
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=folder,
        ) as server,
    ):
        try:
            deadline = time.monotonic() + _WAIT_SECONDS
            while not _answers(_HERE, port):
                if server.poll() is not None or time.monotonic() > deadline:
                    words = log.read_text(errors="replace").strip().splitlines()
                    raise ChurnError(
                        f"{engine.title} did not start.",
                        where=words[-1] if words else str(log),
                        hint=f"See {log}. Nothing was built or published.",
                    )
                time.sleep(0.1)
            yield f"sc://{_HERE}:{port}"
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(timeout=10)
            server.kill()
