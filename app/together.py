"""API and viewer together: two processes on the loopback that end together."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from app.api.keys import create_key, revoke_key
from app.api.store import Store
from app.viewer.serve import viewer_command, viewer_environment
from pipeline.errors import ChurnError
from pipeline.settings import PROJECT, Home


@contextmanager
def together(home: Home, port: int, api_port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start the API and a viewer that may use it; both end with the block.

    The viewer's key is made for this time and revoked at the end.

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
    key = create_key(Store(home), name, ["read", "write"])
    processes: list[subprocess.Popen[bytes]] = []
    try:
        api = subprocess.Popen(  # noqa: S603 - this project, by this interpreter
            [sys.executable, "-m", "pipeline.cli", "api", "--port", str(api_port)],
            stdout=subprocess.PIPE,
            cwd=PROJECT,
            env=viewer_environment(home, None, None),
        )
        processes.append(api)
        line = api.stdout.readline().decode() if api.stdout else ""
        if not line.startswith("http"):
            raise ChurnError("The API did not start.", hint="`churn api` says why.")
        viewer = subprocess.Popen(  # noqa: S603 - streamlit, by this interpreter
            viewer_command(port), env=viewer_environment(home, line.split()[0], key)
        )
        processes.append(viewer)
        yield viewer
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()
        revoke_key(Store(home), name)
