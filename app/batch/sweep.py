"""Deletes expired jobs, uploads of ended jobs, and folders without a job."""

import shutil
import time
from contextlib import suppress
from datetime import timedelta

from app.batch.jobs import Jobs
from app.batch.uploads import folder_of, forget_rows
from pipeline.project.home import Home

# Age at which a folder without a job is deleted; a younger one may be an upload in progress.
_STRAY_FOR = timedelta(days=1)


def forget(home: Home, jobs: Jobs, job_id: str) -> None:
    """Delete a job and its files; a running job ends without a result."""
    jobs.delete(job_id)
    shutil.rmtree(folder_of(home, job_id), ignore_errors=True)


def sweep(home: Home, jobs: Jobs) -> None:
    """Delete expired jobs, uploads of ended jobs, and folders without a job."""
    for job_id in jobs.old():
        forget(home, jobs, job_id)
    if not home.batch.exists():
        return
    for folder in home.batch.iterdir():
        job = jobs.find(folder.name)
        if job is None:
            with suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > _STRAY_FOR.total_seconds():
                    shutil.rmtree(folder, ignore_errors=True)
        elif job.status in ("done", "failed"):
            forget_rows(home, job.job_id)
