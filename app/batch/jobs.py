"""Jobs in state.sqlite: a worker holds a lease on its job; a dead worker's lease runs out.

The table is not part of `pipeline.retention.decisions`' metadata, whose tables are exported for
dbt. It contains no customer ids.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pipeline.project.home import Home
from pipeline.project.state import open_state, writing_to

METADATA = sa.MetaData()

JOBS = sa.Table(
    "batch_jobs",
    METADATA,
    sa.Column("job_id", sa.String, primary_key=True),
    sa.Column("domain", sa.String, nullable=False),
    sa.Column("owner", sa.String, nullable=False),
    # upload or cut_off
    sa.Column("source", sa.String, nullable=False),
    sa.Column("as_of_date", sa.Date),
    # queued, running, done, failed
    sa.Column("status", sa.String, nullable=False),
    sa.Column("stage", sa.String, nullable=False),
    sa.Column("progress", sa.Float, nullable=False),
    sa.Column("generation", sa.String),
    sa.Column("model_version", sa.String),
    sa.Column("result", sa.String),
    sa.Column("error", sa.String),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("worker", sa.String),
    sa.Column("lease_until", sa.DateTime),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("finished_at", sa.DateTime),
)

LEASE = timedelta(seconds=20)
MOST_ATTEMPTS = 3
# unfinished jobs per key
MOST_UNFINISHED = 10
KEPT_FOR = timedelta(days=7)
_UNFINISHED = JOBS.c.status.in_(("queued", "running"))


class LeaseLostError(Exception):
    """Another worker has taken over the job."""


class TooManyJobsError(Exception):
    """The key has the maximum number of unfinished jobs."""


@dataclass(frozen=True)
class Job:
    """The state of a job.

    Attributes:
        job_id: Id of the job.
        domain: Domain.
        owner: Id of the key that created it.
        source: upload or cut_off.
        as_of_date: Cut-off; None for the published one at its first start.
        status: queued, running, done or failed.
        stage: Current step, in words.
        progress: From 0 to 1.
        generation: Generation it reads, once it has started.
        model_version: Run of its model.
        result: Counts, once it is done.
        error: What is wrong and what to do, once it has failed.
        attempts: Number of starts.
        created_at: Time of creation, UTC.
        finished_at: Time of its end, UTC.
    """

    job_id: str
    domain: str
    owner: str
    source: str
    as_of_date: date | None
    status: str
    stage: str
    progress: float
    generation: str | None
    model_version: str | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    attempts: int
    created_at: datetime
    finished_at: datetime | None


class Jobs:
    """The table of jobs; thread-safe."""

    def __init__(self, home: Home) -> None:
        self._engine = open_state(home)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def add(
        self, job_id: str, domain: str, owner: str, source: str, as_of_date: date | None
    ) -> Job:
        """Queue a job; an existing one stays unchanged.

        Raises:
            TooManyJobsError: The owner has the maximum number of unfinished jobs.
        """
        with writing_to(self._engine) as connection:
            if self._find(connection, job_id) is None:
                if self._unfinished(connection, JOBS.c.owner == owner) >= MOST_UNFINISHED:
                    raise TooManyJobsError(owner)
                connection.execute(
                    sa.insert(JOBS).values(
                        job_id=job_id,
                        domain=domain,
                        owner=owner,
                        source=source,
                        as_of_date=as_of_date,
                        status="queued",
                        stage="waiting",
                        progress=0.0,
                        attempts=0,
                        created_at=_now(),
                    )
                )
            found = self._find(connection, job_id)
        assert found is not None  # noqa: S101 - it has just been added
        return found

    def find(self, job_id: str) -> Job | None:
        """Return a job; None if it does not exist or has expired."""
        with self._engine.connect() as connection:
            job = self._find(connection, job_id)
        return None if job is None or job.created_at < _now() - KEPT_FOR else job

    def unfinished(self) -> int:
        """Return the number of unfinished jobs."""
        with self._engine.connect() as connection:
            return self._unfinished(connection)

    def give_up(self) -> list[str]:
        """Fail jobs whose workers died too often, since they may be the cause; return them."""
        with writing_to(self._engine) as connection:
            rows = connection.execute(
                sa.update(JOBS)
                .where(_free(), JOBS.c.attempts >= MOST_ATTEMPTS)
                .values(
                    status="failed",
                    stage="failed",
                    finished_at=_now(),
                    error=json.dumps(
                        {
                            "what": f"The worker was killed {MOST_ATTEMPTS} times during this job.",
                            "hint": "If it is an upload, send the rows in smaller parts.",
                        }
                    ),
                )
                .returning(JOBS.c.job_id)
            )
            return [row.job_id for row in rows]

    def claim(self, worker: str) -> Job | None:
        """Take the oldest job that is queued or whose worker has died; None without one."""
        with writing_to(self._engine) as connection:
            row = connection.execute(
                sa.select(JOBS.c.job_id)
                .where(_free(), JOBS.c.attempts < MOST_ATTEMPTS)
                .order_by(JOBS.c.created_at)
                .limit(1)
            ).one_or_none()
            if row is None:
                return None
            connection.execute(
                sa.update(JOBS)
                .where(JOBS.c.job_id == row.job_id)
                .values(
                    status="running",
                    stage="beginning",
                    progress=0.0,
                    attempts=JOBS.c.attempts + 1,
                    worker=worker,
                    lease_until=_now() + LEASE,
                )
            )
            return self._find(connection, row.job_id)

    def update(self, job_id: str, worker: str, **values: Any) -> None:
        """Renew the lease and store changes.

        Raises:
            LeaseLostError: The lease ran out and another worker has the job.
        """
        with writing_to(self._engine) as connection:
            done = connection.execute(
                sa.update(JOBS)
                .where(
                    JOBS.c.job_id == job_id,
                    JOBS.c.worker == worker,
                    JOBS.c.status == "running",
                )
                .values(lease_until=_now() + LEASE, **values)
            )
        if done.rowcount != 1:
            raise LeaseLostError(job_id)

    def finish(
        self,
        job_id: str,
        worker: str,
        *,
        result: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
    ) -> None:
        """Store the end of a job.

        Raises:
            LeaseLostError: The lease ran out and another worker has the job.
        """
        status = "failed" if error else "done"
        ended: dict[str, Any] = {"progress": 1.0} if error is None else {}
        self.update(
            job_id,
            worker,
            status=status,
            stage=status,
            result=json.dumps(result) if result else None,
            error=json.dumps(error) if error else None,
            finished_at=_now(),
            **ended,
        )

    def release(self, job_id: str, worker: str) -> None:
        """Return an unfinished job to the queue without counting the attempt."""
        with writing_to(self._engine) as connection:
            connection.execute(
                sa.update(JOBS)
                .where(
                    JOBS.c.job_id == job_id,
                    JOBS.c.worker == worker,
                    JOBS.c.status == "running",
                )
                .values(status="queued", stage="waiting", attempts=JOBS.c.attempts - 1)
            )

    def delete(self, job_id: str) -> None:
        """Delete a job."""
        with writing_to(self._engine) as connection:
            connection.execute(sa.delete(JOBS).where(JOBS.c.job_id == job_id))

    def old(self) -> list[str]:
        """Return the expired jobs."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                sa.select(JOBS.c.job_id).where(JOBS.c.created_at < _now() - KEPT_FOR)
            )
            return [row.job_id for row in rows]

    def _unfinished(self, connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> int:
        count = sa.select(sa.func.count()).select_from(JOBS).where(_UNFINISHED, *conditions)
        return int(connection.execute(count).scalar_one())

    def _find(self, connection: sa.Connection, job_id: str) -> Job | None:
        row = connection.execute(sa.select(JOBS).where(JOBS.c.job_id == job_id)).one_or_none()
        if row is None:
            return None
        return Job(
            job_id=row.job_id,
            domain=row.domain,
            owner=row.owner,
            source=row.source,
            as_of_date=row.as_of_date,
            status=row.status,
            stage=row.stage,
            progress=row.progress,
            generation=row.generation,
            model_version=row.model_version,
            result=json.loads(row.result) if row.result else None,
            error=json.loads(row.error) if row.error else None,
            attempts=row.attempts,
            created_at=row.created_at,
            finished_at=row.finished_at,
        )


def _free() -> sa.ColumnElement[bool]:
    """Condition for jobs that are queued, or whose worker's lease has run out."""
    return (JOBS.c.status == "queued") | (
        (JOBS.c.status == "running") & (JOBS.c.lease_until < _now())
    )


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
