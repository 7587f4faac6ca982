"""`python -m app.batch.worker`: takes jobs until there are none for a while.

A process of its own: an upload that takes all memory kills it and not the API, and a job whose
worker was killed is taken over when its lease has run out.
"""

import os
import shutil
import signal
import sys
import threading
import time
import uuid
from types import FrameType
from typing import Any

import duckdb
import structlog

from app.batch.jobs import KEPT_FOR, LEASE, Job, Jobs, LeaseLostError
from app.batch.uploads import folder_of
from app.batch.work import forget_upload, work
from pipeline.errors import ChurnError
from pipeline.settings import Home, home

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


def serve(where: Home, *, parent: int | None = None, idle_seconds: float = IDLE_SECONDS) -> None:
    """Work on jobs until there are none for so long, or the parent process is gone."""
    jobs, name = Jobs(where), uuid.uuid4().hex
    sweep(where, jobs)
    idle_since = time.monotonic()
    while time.monotonic() - idle_since < idle_seconds:
        if parent is not None and os.getppid() != parent:
            break
        job = jobs.claim(name)
        if job is None:
            time.sleep(_POLL_SECONDS)
            continue
        do(where, jobs, job, name)
        idle_since = time.monotonic()
    jobs.close()


def do(where: Home, jobs: Jobs, job: Job, worker: str) -> None:
    """Do one job and write how it ended; the lease is renewed beside the work."""
    lost = threading.Event()
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(LEASE.total_seconds() / 4):
            try:
                jobs.update(job.job_id, worker)
            except LeaseLostError:
                lost.set()
                return

    def tell(stage: str, progress: float, **values: Any) -> None:
        if lost.is_set():
            raise LeaseLostError(job.job_id)
        jobs.update(job.job_id, worker, stage=stage, progress=progress, **values)

    heart = threading.Thread(target=renew, daemon=True)
    heart.start()
    try:
        result = work(where, job, tell)
        jobs.finish(job.job_id, worker, result=result)
        forget_upload(where, job.job_id)
        _LOG.info("batch_done", job=job.job_id, customers=result["customers"])
    except LeaseLostError:
        _LOG.warning("batch_lease_lost", job=job.job_id)
    except ChurnError as error:
        told = {"what": error.what, "where": error.where, "hint": error.hint}
        _fail(where, jobs, job, worker, told)
    except duckdb.OutOfMemoryException:
        _fail(
            where,
            jobs,
            job,
            worker,
            {"what": "The rows do not fit into memory.", "hint": "Send them in smaller parts."},
        )
    except (SystemExit, KeyboardInterrupt):
        jobs.release(job.job_id, worker)
        raise
    except Exception as error:
        # its words may hold values, an id of a customer among them
        _LOG.error("batch_broke", job=job.job_id, error=type(error).__name__)
        _fail(
            where,
            jobs,
            job,
            worker,
            {"what": "Something broke here; the log has it under this job."},
        )
    finally:
        ended.set()


def _fail(where: Home, jobs: Jobs, job: Job, worker: str, told: dict[str, Any]) -> None:
    try:
        jobs.finish(job.job_id, worker, error=told)
    except LeaseLostError:
        return
    forget_upload(where, job.job_id)
    _LOG.info("batch_failed", job=job.job_id)


def sweep(where: Home, jobs: Jobs) -> None:
    """Delete jobs that are too old with all they hold, and folders that belong to none."""
    for job_id in jobs.old():
        jobs.delete(job_id)
    if not where.batch.exists():
        return
    for folder in where.batch.iterdir():
        age = time.time() - folder.stat().st_mtime
        is_old = age > KEPT_FOR.total_seconds() or (folder.name.startswith(".") and age > 24 * 3600)
        job = jobs.find(folder.name)
        if job is None and is_old:
            shutil.rmtree(folder, ignore_errors=True)
        elif job is not None and job.status in ("done", "failed"):
            shutil.rmtree(folder_of(where, job.job_id) / "raw", ignore_errors=True)


def _stop(_: int, __: FrameType | None) -> None:
    raise SystemExit(0)


def main() -> None:
    """Serve the CHURN_HOME of the environment for the process that started this one."""
    signal.signal(signal.SIGTERM, _stop)
    serve(home(), parent=os.getppid())


if __name__ == "__main__":
    main()
