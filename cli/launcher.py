"""Runs the API and the viewer together: two processes on the loopback that stop together."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from app.api.access.keys import create_key, revoke_key
from app.api.access.store import Store
from app.people import SCOPES
from app.viewer.serve import viewer_command, viewer_environment
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT, Home

# A viewer may stay open for weeks. If this process is killed and cannot revoke the key, the key
# expires after this time.
KEY_DAYS = 30
# Seconds a process may take to stop before it is killed.
_PATIENCE = 10.0


@contextmanager
def together(home: Home, port: int, api_port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start the API and a viewer with a key to it; both stop at the end of the block.

    The viewer's keys, one for each role, are created for this session and revoked at its end.
    SIGTERM ends the block as Ctrl+C does.

    Args:
        home: CHURN_HOME that both serve.
        port: The viewer's port.
        api_port: The API's port, 0 for a free one.

    Yields:
        The viewer's process.

    Raises:
        ChurnError: The API did not start.
    """
    name = f"viewer {uuid4().hex[:8]}"
    until = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=KEY_DAYS)
    processes: list[subprocess.Popen[bytes]] = []
    with _interrupted_by_sigterm(), closing(Store(home)) as store:
        # a role's own key, so that the API refuses what the role may not do
        keys = {
            role: create_key(store, f"{name} {role}", scopes, expires_at=until)
            for role, scopes in SCOPES.items()
        }
        try:
            api_port = api_port or free_port()
            api = subprocess.Popen(  # noqa: S603 - this project, by this interpreter
                [sys.executable, "-m", "cli", "api", "--port", str(api_port)],
                stdout=subprocess.PIPE,
                cwd=PROJECT,
                env=viewer_environment(home, None, None),
            )
            processes.append(api)
            # both start at the same time; a page asks the API once somebody has opened it
            viewer = subprocess.Popen(  # noqa: S603 - streamlit, by this interpreter
                viewer_command(port),
                env=viewer_environment(home, f"http://127.0.0.1:{api_port}", None, keys),
            )
            processes.append(viewer)
            line = api.stdout.readline().decode() if api.stdout else ""
            if not line.startswith("http"):
                raise ChurnError("The API did not start.", hint="Run `churn api` to see why.")
            yield viewer
        finally:
            try:
                for role in keys:
                    # somebody else may have revoked it
                    with suppress(ChurnError):
                        revoke_key(store, f"{name} {role}")
            finally:
                _stop(processes)


def free_port() -> int:
    """Return a port of this machine that nobody uses now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Stop processes and kill those that take too long; a second Ctrl+C does not wait."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(_PATIENCE)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()
            process.wait()


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt; only the main thread can receive signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
