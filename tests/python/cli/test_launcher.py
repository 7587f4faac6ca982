"""`churn api` and `churn app` end, and leave nothing behind: no process, no key that works."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from app.api.access.keys import create_key, list_keys
from app.api.access.store import Store
from app.people import SCOPES
from cli import launcher as together
from cli.launcher import free_port

PATIENCE = 60


def is_served(port):
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def keys_of_viewer(home):
    """Those of the roles; each may do what its role may, and no more."""
    keys = [k for k in list_keys(Store(home)) if k.principal.name.startswith("viewer ")]
    roles = {key.principal.name.split()[-1]: key.principal.scopes for key in keys}
    assert roles == {role: frozenset(scopes) for role, scopes in SCOPES.items()}
    return keys


def test_sigterm_ends_api_and_viewer_and_revokes_the_key(world):
    ports = [free_port(), free_port()]
    options = ["--port", str(ports[0]), "--api-port", str(ports[1])]
    both = subprocess.Popen(
        [sys.executable, "-m", "cli", "app", *options],
        env=os.environ | {"CHURN_HOME": str(world.root)},
        start_new_session=True,
    )
    try:
        until = time.monotonic() + PATIENCE
        while not all(map(is_served, ports)):
            assert time.monotonic() < until, "not served"
            time.sleep(0.2)
        now = datetime.now(UTC).replace(tzinfo=None)
        for key in keys_of_viewer(world):
            assert key.is_good(now + timedelta(days=1))
            assert not key.is_good(now + timedelta(days=together.KEY_DAYS + 1))
        both.terminate()
        assert both.wait(PATIENCE) == 0
        assert not any(map(is_served, ports))
        assert all(key.revoked_at is not None for key in keys_of_viewer(world))
    finally:
        # whoever is left of the session
        with suppress(ProcessLookupError):
            os.killpg(both.pid, signal.SIGKILL)
        both.wait()


def test_the_api_ends_though_somebody_has_not_sent_everything(world):
    port = free_port()
    api = subprocess.Popen(
        [sys.executable, "-m", "cli", "api", "--port", str(port)],
        env=os.environ | {"CHURN_HOME": str(world.root)},
    )
    try:
        until = time.monotonic() + PATIENCE
        while not is_served(port):
            assert time.monotonic() < until, "not served"
            time.sleep(0.2)
        key = create_key(Store(world), "slow", ["write"])
        with socket.create_connection(("127.0.0.1", port)) as half:
            head = f"POST /v1/bench/contacts HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n"
            half.sendall(f"{head}Content-Length: 9\r\n\r\n{{".encode())
            time.sleep(0.5)
            api.terminate()
            assert api.wait(PATIENCE) is not None
    finally:
        api.kill()
        api.wait()


def test_a_process_that_does_not_end_is_killed(monkeypatch):
    monkeypatch.setattr(together, "_PATIENCE", 0.2)
    deaf = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal, time\nsignal.signal(signal.SIGTERM, "
            "signal.SIG_IGN)\nprint(flush=True)\ntime.sleep(600)",
        ],
        stdout=subprocess.PIPE,
    )
    assert deaf.stdout.readline() == b"\n"
    together._stop([deaf])
    assert deaf.returncode == -signal.SIGKILL
