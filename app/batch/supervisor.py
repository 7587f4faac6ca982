"""Starts a worker when there are jobs, and deletes expired jobs and files."""

import asyncio
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from app.batch.jobs import Jobs
from app.batch.sweep import sweep
from pipeline.project.home import PROJECT, Home

_SECONDS = 2.0
_SWEEP_SECONDS = 3600.0
_PATIENCE = 10.0

OnError = Callable[[Exception], object]


class Supervisor:
    """The jobs of an app and their single worker process; thread-safe.

    Several apps on one CHURN_HOME have one worker each; leases keep them apart.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = threading.RLock()
        self._opened: Jobs | None = None
        self._worker: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        self._swept = -math.inf

    @property
    def jobs(self) -> Jobs:
        """The table of jobs, created at the first use."""
        with self._lock:
            if self._opened is None:
                self._opened = Jobs(self._home)
            return self._opened

    def attend(self) -> None:
        """Start a worker if there are jobs and no worker is running."""
        with self._lock:
            if self._is_closed or (self._worker is not None and self._worker.poll() is None):
                return
            if self.jobs.unfinished() == 0:
                return
            path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "app.batch.worker"],
                env=os.environ | {"CHURN_HOME": str(self._home.root), "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
            )

    def tidy(self) -> None:
        """Delete expired jobs and files, once an hour."""
        if time.monotonic() - self._swept > _SWEEP_SECONDS:
            self._swept = time.monotonic()
            sweep(self._home, self.jobs)

    async def follow(self, on_error: OnError) -> None:
        """Check for jobs and clean up forever; a killed worker is replaced."""
        while True:
            # nothing is created before the first job
            if self._opened is not None or self._home.batch.exists():
                for do in (self.attend, self.tidy):
                    try:
                        await asyncio.to_thread(do)
                    except Exception as error:
                        on_error(error)
            await asyncio.sleep(_SECONDS)

    def close(self) -> None:
        """Stop the worker; it returns its job to the queue."""
        with self._lock:
            self._is_closed = True
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
async def supervised(home: Home, on_error: OnError) -> AsyncIterator[Supervisor]:
    """Run a supervisor in the background."""
    supervisor = Supervisor(home)
    task = asyncio.create_task(supervisor.follow(on_error))
    try:
        yield supervisor
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(supervisor.close)
