"""Starts an engine for one build, or finds the one that CHURN_ENGINE_URL names."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.engines.environments import BuildEngine, own_target
from pipeline.project.errors import ChurnError

_HERE = "127.0.0.1"
_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Server:
    """An engine that answers.

    Attributes:
        url: Its address; None where dbt brings it, or a target has its own address.
        process: Its process, if it was started here.
        log: What it writes, if it was started here.
    """

    url: str | None
    process: subprocess.Popen[bytes] | None = None
    log: Path | None = None

    def check(self, engine: BuildEngine) -> None:
        """Refuse what was made on a server that has ended.

        Raises:
            ChurnError: It has ended.
        """
        if self.process is not None and self.process.poll() is not None:
            raise _ended(engine, "has ended while it built", self.log)


@contextmanager
def serving(engine: BuildEngine, folder: Path) -> Iterator[Server]:
    """Give an engine that answers.

    Args:
        engine: The engine.
        folder: Where a server that is started here writes its log.

    Raises:
        ChurnError: It does not start, or the one that is named does not answer.
    """
    if own_target():
        yield Server(None)
    elif named := os.environ.get("CHURN_ENGINE_URL"):
        _check_answers(engine, named)
        yield Server(named)
    elif not engine.is_server:
        yield Server(None)
    else:
        with _started(engine, folder) as server:
            yield server


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
def _started(engine: BuildEngine, folder: Path) -> Iterator[Server]:
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
                    raise _ended(engine, "did not start", log)
                time.sleep(0.1)
            yield Server(f"sc://{_HERE}:{port}", server, log)
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(timeout=10)
            server.kill()


def _ended(engine: BuildEngine, what: str, log: Path | None) -> ChurnError:
    words = log.read_text(errors="replace").strip().splitlines() if log else []
    return ChurnError(
        f"{engine.title} {what}.",
        where=words[-1] if words else "it wrote nothing",
        hint="Nothing was built or published. Run again; if it ends again, it may lack memory.",
    )
