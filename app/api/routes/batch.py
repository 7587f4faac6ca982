"""Batch predictions: create a job from raw files or a cut-off, poll it, download its results."""

import hashlib
import json
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, File, Form, Query, Request, Response, UploadFile
from fastapi import Path as PathParameter
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from app.api.access.keys import Principal, scope_problem
from app.api.dependencies import App, InDomain, OnlyOnce, Predicts, Published
from app.api.http.bodies import Day
from app.api.http.downloads import download
from app.api.http.forms import check_form, receive_files
from app.api.http.problems import Fault, ProblemError, body_fault, invalid
from app.api.published.answers import DomainAnswer, Moment, in_domain
from app.api.published.generation import OpenGeneration, PublishedDomain
from app.api.routes.predictions import unavailable
from app.api.services import Services
from app.batch.jobs import MOST_UNFINISHED, Job, Jobs, TooManyJobsError
from app.batch.supervisor import Supervisor, supervised
from app.batch.sweep import forget
from app.batch.uploads import RAW, folder_of, recognised
from app.batch.work import REFUSED, RESULTS
from pipeline.realtime.controls import check_cut_off, check_lake, read_knowledge
from pipeline.realtime.errors import NotReadyError, RefusedDateError

_FIELDS = ("files", "as_of_date", "cut_off")


@asynccontextmanager
async def _supervised(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services

    def tell(error: Exception) -> None:
        services.telemetry.failure("batch_not_attended", error)

    async with supervised(services.home, tell) as supervisor:
        app.state.supervisor = supervisor
        yield


router = APIRouter(
    prefix="/v1/{domain}/batch-predictions",
    tags=["batch predictions"],
    dependencies=[Predicts],
    lifespan=_supervised,
)


class BatchFile(BaseModel):
    """The outcome for one uploaded file."""

    file: str = Field(description="Name of the file.")
    table: str = Field(description="Table that the name belongs to.")
    rows_read: int = Field(
        description="Rows in the file: used, refused and duplicate rows together."
    )
    rows: int = Field(description="Rows used.")
    refused_rows: int = Field(description="Rows with a value that cannot be used.")
    duplicates: int = Field(0, description="Rows left out as repeats of a row that is used.")
    reasons: list[str] = Field(description="Columns and what is wrong, most frequent first.")
    ignored_columns: list[str] = Field(description="Columns that the table does not have.")


class JobResult(BaseModel):
    """Counts of a finished job."""

    customers: int = Field(description="Rows in the results.")
    in_scope: int = Field(description="Customers in the cohort, each with a score.")
    ignored: dict[str, int] = Field(
        description="Table → rows on the cut-off or after it, which were not read."
    )
    refused_rows: int = Field(0, description="Rows with a value that cannot be used.")
    files: list[BatchFile] = Field(default_factory=list, description="One per uploaded file.")
    notes: list[str] = Field(
        default_factory=list, description="Notes on these results, in sentences."
    )


class JobError(BaseModel):
    """Why a job failed."""

    what: str = Field(description="What is wrong.")
    where: str | None = Field(None, description="File, header or row, as far as known.")
    hint: str | None = Field(None, description="What to do.")


class BatchJob(DomainAnswer):
    """A job. Until it runs, generation and model are the current ones."""

    as_of_date: date | None = Field(  # type: ignore[assignment]
        description="Cut-off. If none was given, null until the job starts with the published one."
    )
    job_id: str = Field(description="Id of the job.")
    source: Literal["upload", "cut_off"] = Field(description="Input of the job.")
    status: Literal["queued", "running", "done", "failed"] = Field(description="Status.")
    stage: str = Field(description="Current step.")
    progress: float = Field(ge=0, le=1, description="Progress from 0 to 1.")
    attempts: int = Field(description="Number of starts; the job restarts if a worker is killed.")
    created_at: Moment = Field(description="When it was created, UTC.")
    finished_at: Moment | None = Field(description="When it ended, UTC.")
    result: JobResult | None = Field(None, description="Counts, once the job is done.")
    error: JobError | None = Field(None, description="Reason, once the job has failed.")
    results: str | None = Field(None, description="Path of the results, once the job is done.")
    refused: str | None = Field(None, description="Path of the refused values, if there are any.")


JobId = Annotated[
    str, PathParameter(pattern="^[0-9a-f]{32}$", description="Id from the POST's answer.")
]
Format = Annotated[
    Literal["parquet", "csv"],
    Query(alias="format", description="parquet keeps types; csv is UTF-8 with a header."),
]
ForSpreadsheets = Annotated[
    bool,
    Query(
        description="csv only: put an apostrophe before text that starts like a formula, so that a "
        "spreadsheet does not run it. Without it values are exact, as a CRM needs them: ids can "
        "start with + or =."
    ),
]
_LOCATION = {
    "headers": {"Location": {"schema": {"type": "string"}, "description": "Path of the job."}}
}


@router.post(
    "",
    status_code=202,
    response_model=BatchJob,
    summary="Score whole files, or all customers at a cut-off",
    responses={
        202: {"description": "The job was created; Location is its path.", **_LOCATION},
        408: {"description": "The body arrived too slowly."},
        409: {"description": "The key has too many unfinished jobs."},
    },
)
async def create_job(
    request: Request,
    services: App,
    generation: Published,
    domain: InDomain,
    once: OnlyOnce,
    files: Annotated[
        list[UploadFile] | None,
        File(
            description="Raw files as for ingest, .csv or .parquet; the file name selects the "
            "table."
        ),
    ] = None,
    as_of_date: Annotated[
        Day | None,
        Form(
            description="With files: the cut-off, by default the published one. Not before the "
            "model's outcomes were known, and not after today."
        ),
    ] = None,
    cut_off: Annotated[
        Day | None,
        Form(
            description="Instead of files: a cut-off at which to score the platform's own raw "
            "data, not after their end. Also needs the scope read."
        ),
    ] = None,
) -> Response:
    """Create a job. Rows with bad values are refused one by one; the others are scored.

    Uploads are deleted when the job ends, results a week after its creation, or at once with
    DELETE.
    """
    owner: Principal = request.state.principal
    await check_form(request, _FIELDS)
    if bool(files) == bool(cut_off):
        raise invalid(
            Fault(
                pointer="#/files",
                row=None,
                field="files",
                detail="Send either files or cut_off. " + recognised(domain.name),
            )
        )
    if cut_off is not None and as_of_date is not None:
        raise invalid(
            Fault(
                pointer="#/as_of_date",
                row=None,
                field="as_of_date",
                detail="is only for files; cut_off is already the cut-off",
            )
        )
    if cut_off is not None:
        # these are the scores of all customers, not only of the caller's own rows
        problem = scope_problem(owner, ["read"])
        if problem is not None:
            raise problem
    supervisor: Supervisor = request.app.state.supervisor
    incoming = services.home.batch / f".incoming-{secrets.token_hex(8)}"
    day = cut_off or as_of_date
    try:
        told = [domain.name, str(cut_off), str(as_of_date)]
        if files:
            told += await receive_files(domain.name, files, incoming)

        def work(effect: str) -> BaseModel:
            _check_day(generation, domain, as_of_date, cut_off)
            folder = folder_of(services.home, effect)
            is_new = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            if incoming.exists() and not (folder / RAW).exists():
                incoming.rename(folder / RAW)
            source = "upload" if files else "cut_off"
            try:
                job = supervisor.jobs.add(effect, domain.name, owner.id, source, day)
            except Exception as error:
                if is_new:
                    # the rows of a job that was not created
                    shutil.rmtree(folder, ignore_errors=True)
                if not isinstance(error, TooManyJobsError):
                    raise
                raise ProblemError(
                    409,
                    "too-many-jobs",
                    f"This key has {MOST_UNFINISHED} unfinished jobs, the maximum. Wait until one "
                    "ends, or delete one.",
                ) from error
            supervisor.attend()
            return BatchJob(**_told(job, services, generation, domain))

        answer = await once(
            work,
            status=202,
            fingerprint=hashlib.sha256("\n".join(told).encode()).hexdigest(),
        )
    finally:
        await run_in_threadpool(shutil.rmtree, incoming, ignore_errors=True)
    job_id = json.loads(bytes(answer.body))["job_id"]
    answer.headers["Location"] = f"/v1/{domain.name}/batch-predictions/{job_id}"
    return answer


def _check_day(
    generation: OpenGeneration,
    domain: PublishedDomain,
    as_of_date: date | None,
    cut_off: date | None,
) -> None:
    """Refuse a day that cannot be scored honestly, before a job is created.

    Raises:
        ProblemError: 422, the day cannot be scored; 503, the generation cannot tell.
    """
    day = cut_off or as_of_date
    if day is None:
        return
    try:
        knowledge = read_knowledge(generation.path, domain.name)
        check_cut_off(knowledge, day, domain.model_version)
        if cut_off is not None:
            check_lake(knowledge, cut_off)
    except RefusedDateError as refused:
        field = "as_of_date" if cut_off is None else "cut_off"
        raise invalid(
            body_fault([field], f"{refused.what} {refused.hint or ''}".strip())
        ) from refused
    except NotReadyError as error:
        raise unavailable(error) from error


def _told(
    job: Job, services: App, generation: OpenGeneration, domain: PublishedDomain
) -> dict[str, Any]:
    path = f"/v1/{job.domain}/batch-predictions/{job.job_id}"
    folder = folder_of(services.home, job.job_id)
    is_done = job.status == "done"
    return {
        **in_domain(generation, domain),
        "as_of_date": job.as_of_date,
        "generation": job.generation or generation.name,
        "model_version": job.model_version or domain.model_version,
        "job_id": job.job_id,
        "source": job.source,
        "status": job.status,
        "stage": job.stage,
        "progress": job.progress,
        "attempts": job.attempts,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "result": job.result,
        "error": job.error,
        "results": f"{path}/results" if is_done else None,
        "refused": f"{path}/refused" if is_done and (folder / REFUSED).exists() else None,
    }


def _own_job(request: Request, domain: PublishedDomain, job_id: str) -> Job:
    """Return a job of the calling key.

    Raises:
        ProblemError: 404, there is no such job, or it belongs to another key.
    """
    jobs: Jobs = request.app.state.supervisor.jobs
    owner: Principal = request.state.principal
    job = jobs.find(job_id)
    if job is None or job.owner != owner.id or job.domain != domain.name:
        raise ProblemError(
            404,
            "unknown-job",
            "This key has no such job. Jobs are deleted a week after their creation.",
        )
    return job


@router.get("/{job_id}", response_model=BatchJob, summary="Get a job's status")
def read_job(
    request: Request, services: App, generation: Published, domain: InDomain, job_id: JobId
) -> dict[str, Any]:
    """Return status, progress and counts; once done, also the paths of the result files."""
    return _told(_own_job(request, domain, job_id), services, generation, domain)


_FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
            "text/csv": {"schema": {"type": "string"}},
        },
    },
    409: {"description": "The job is not done, or has no such file."},
}


@router.get(
    "/{job_id}/results",
    response_class=Response,
    responses=_FILES,
    summary="Download a job's results",
)
def read_results(
    request: Request,
    services: App,
    domain: InDomain,
    job_id: JobId,
    form: Format = "parquet",
    for_spreadsheets: ForSpreadsheets = False,
) -> Response:
    """Return one row per customer.

    Score, band, the three strongest reasons that raise the risk, and an action or why there is
    none.
    """
    job = _own_job(request, domain, job_id)
    return _file(services, job, RESULTS, form, for_spreadsheets)


@router.get(
    "/{job_id}/refused",
    response_class=Response,
    responses=_FILES,
    summary="Download a job's refused values",
)
def read_refused(
    request: Request,
    services: App,
    domain: InDomain,
    job_id: JobId,
    form: Format = "parquet",
    for_spreadsheets: ForSpreadsheets = False,
) -> Response:
    """Return one row per bad value: file, line, column, value, reason. The row is left out."""
    job = _own_job(request, domain, job_id)
    return _file(services, job, REFUSED, form, for_spreadsheets)


@router.delete("/{job_id}", status_code=204, summary="Delete a job and its files")
def delete_job(request: Request, services: App, domain: InDomain, job_id: JobId) -> Response:
    """Delete the job, its uploads and its results; a running job ends without a result."""
    job = _own_job(request, domain, job_id)
    forget(services.home, request.app.state.supervisor.jobs, job.job_id)
    return Response(status_code=204)


def _file(services: App, job: Job, name: str, form: str, for_spreadsheets: bool) -> Response:
    path = folder_of(services.home, job.job_id) / name
    if job.status != "done" or not path.exists():
        words = (
            "The job has no refused values."
            if job.status == "done"
            else f"The job is {job.status}; its files are available once it is done."
        )
        raise ProblemError(409, "no-such-file", words, job_status=job.status)
    stem = name.removesuffix(".parquet")
    return download(path, f"{job.job_id}-{stem}", form, for_spreadsheets=for_spreadsheets)
