"""`python -m app.batch.worker`: runs jobs until there are none for a while.

A separate process, so that an upload that exhausts memory kills it and not the API. The job of a
killed worker is taken over when its lease has run out.
"""

import os
import signal
import sys
import threading
import time
import uuid
from types import FrameType
from typing import Any

import duckdb
import structlog
from sqlalchemy.exc import OperationalError

from app.batch.jobs import LEASE, Job, Jobs, LeaseLostError
from app.batch.uploads import forget_rows
from app.batch.work import work
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home, home

IDLE_SECONDS = 30.0
_POLL_SECONDS = 0.5
_LOG = structlog.wrap_logger(
    structlog.PrintLogger(sys.stderr),
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.JSONRenderer(),
    ],
)


_STOPPING = threading.Event()


def serve(where: Home, *, parent: int | None = None, idle_seconds: float = IDLE_SECONDS) -> None:
    """Run jobs until there are none for a while, or the parent process is gone."""
    jobs, name = Jobs(where), uuid.uuid4().hex
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < idle_seconds and not _STOPPING.is_set():
        if parent is not None and os.getppid() != parent:
            break
        job = jobs.claim(name)
        if job is None:
            for job_id in jobs.give_up():
                forget_rows(where, job_id)
                _LOG.warning("batch_given_up", job=job_id)
            time.sleep(_POLL_SECONDS)
            continue
        do(where, jobs, job, name)
        idle_since = time.monotonic()
    jobs.close()


def do(where: Home, jobs: Jobs, job: Job, worker: str) -> None:
    """Run one job and store its end; a thread renews the lease meanwhile."""
    lost = threading.Event()
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(LEASE.total_seconds() / 4):
            try:
                jobs.update(job.job_id, worker)
            except LeaseLostError:
                lost.set()
                return
            except Exception as error:
                # a later beat may succeed; if none does, another worker takes over the job
                _LOG.warning("batch_beat_missed", job=job.job_id, error=type(error).__name__)

    def tell(stage: str, progress: float, **values: Any) -> None:
        if lost.is_set():
            raise LeaseLostError(job.job_id)
        jobs.update(job.job_id, worker, stage=stage, progress=progress, **values)

    heart = threading.Thread(target=renew, daemon=True)
    heart.start()
    try:
        result = work(where, job, tell)
        jobs.finish(job.job_id, worker, result=result)
        forget_rows(where, job.job_id)
        _LOG.info("batch_done", job=job.job_id, customers=result["customers"])
    except LeaseLostError:
        _LOG.warning("batch_lease_lost", job=job.job_id)
    except OperationalError as error:
        # the state is busy: the lease runs out, and the job restarts
        _LOG.warning("batch_state_busy", job=job.job_id, error=type(error).__name__)
    except BaseException as error:
        # DuckDB turns what a signal raises inside a query into its own error
        if _STOPPING.is_set() or not isinstance(error, Exception):
            jobs.release(job.job_id, worker)
            raise SystemExit(0) from error
        _fail(where, jobs, job, worker, _told(where, job, error))
    finally:
        ended.set()


def _told(where: Home, job: Job, error: Exception) -> dict[str, Any]:
    """Return why a job failed, in words for the caller."""
    if isinstance(error, ChurnError):
        # local paths are not for the caller
        place = error.where and error.where.replace(str(where.root), "CHURN_HOME")
        return {"what": error.what, "where": place, "hint": error.hint}
    if isinstance(error, duckdb.OutOfMemoryException):
        return {"what": "The rows do not fit into memory.", "hint": "Send them in smaller parts."}
    # the message may contain values, such as a customer id
    _LOG.error("batch_broke", job=job.job_id, error=type(error).__name__)
    return {"what": "Internal error. Report this job's id; the log has the details."}


def _fail(where: Home, jobs: Jobs, job: Job, worker: str, error: dict[str, Any]) -> None:
    try:
        jobs.finish(job.job_id, worker, error=error)
    except LeaseLostError:
        return
    forget_rows(where, job.job_id)
    _LOG.info("batch_failed", job=job.job_id)


def _stop(_: int, __: FrameType | None) -> None:
    _STOPPING.set()
    raise SystemExit(0)


def main() -> None:
    """Run jobs of the CHURN_HOME in the environment while the parent process lives."""
    signal.signal(signal.SIGTERM, _stop)
    serve(home(), parent=os.getppid())


if __name__ == "__main__":
    main()
