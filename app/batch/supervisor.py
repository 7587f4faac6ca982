"""Starts a worker where there are jobs and none is at work."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from app.batch.jobs import Jobs
from pipeline.settings import PROJECT, Home

_SECONDS = 2.0
_PATIENCE = 10.0


class Supervisor:
    """Jobs of an app and the one worker process that it keeps for them.

    Several apps on one CHURN_HOME have a worker each; leases keep them apart.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._opened: Jobs | None = None
        self._worker: subprocess.Popen[bytes] | None = None

    @property
    def jobs(self) -> Jobs:
        """The table of jobs; the first use makes it."""
        if self._opened is None:
            self._opened = Jobs(self._home)
        return self._opened

    def attend(self) -> None:
        """Start a worker if there is something to do and nobody at it."""
        if self._worker is not None and self._worker.poll() is None:
            return
        if self.jobs.unfinished() == 0:
            return
        path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "app.batch.worker"],
            env=os.environ | {"CHURN_HOME": str(self._home.root), "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
        )

    async def follow(self) -> None:
        """Attend for ever: a worker that was killed is replaced."""
        while True:
            # before the first job nothing is made
            if self._opened is not None or self._home.batch.exists():
                with suppress(Exception):
                    await asyncio.to_thread(self.attend)
            await asyncio.sleep(_SECONDS)

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker that is at work."""
        if self._worker is None or self._worker.poll() is not None:
            return None
        return self._worker.pid

    def close(self) -> None:
        """Stop the worker; it gives its job back."""
        if self._worker is not None and self._worker.poll() is None:
            self._worker.terminate()
            try:
                self._worker.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._worker.kill()
                self._worker.wait()
        if self._opened is not None:
            self._opened.close()


@asynccontextmanager
async def supervised(home: Home) -> AsyncIterator[Supervisor]:
    """Keep a supervisor at work."""
    supervisor = Supervisor(home)
    task = asyncio.create_task(supervisor.follow())
    try:
        yield supervisor
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(supervisor.close)
