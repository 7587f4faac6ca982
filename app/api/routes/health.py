"""Liveness, readiness and metrics."""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from app.api.dependencies import Administers, App
from app.api.http.problems import ProblemError
from app.api.published.generation import PublishedDomain
from app.api.services import Services
from pipeline.project.home import Home
from pipeline.project.state_sums import StateDamagedError, check_state
from pipeline.runs.registry import hash_of_model, live_name

# Seconds after which the state is read again: every row of it is.
_STATE_AGAIN = 600

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class Check(BaseModel):
    """A readiness check."""

    name: str = Field(examples=["fresh"])
    is_good: bool
    words: str = Field(description="Result of the check.")


class Readiness(BaseModel):
    """Readiness, with all checks."""

    status: Literal["ready", "not ready"] = Field(description="ready if every check is good.")
    generation: str | None = Field(
        description="Published generation; null before the first publish."
    )
    checks: list[Check]


@router.get("/healthz", summary="Check liveness")
async def healthz() -> Alive:
    """Answer while the process serves requests; needs no key and no published generation."""
    return Alive()


@router.get(
    "/readyz",
    summary="Check readiness",
    responses={503: {"model": Readiness, "description": "Not ready; the checks say why."}},
)
def readyz(services: App, response: Response) -> Readiness:
    """Check that a generation is open, whole and recent, and models and state unchanged."""
    found = readiness(services)
    if found.status != "ready":
        response.status_code = 503
    return found


def readiness(services: Services) -> Readiness:
    """Return the answer of `/readyz`."""
    try:
        generation = services.reader.current()
    except ProblemError as problem:
        check = Check(name="open", is_good=False, words=problem.detail)
        return Readiness(status="not ready", generation=None, checks=[check])
    age = (datetime.now(UTC) - generation.published_at).total_seconds() / 3600
    checks = [
        Check(name="open", is_good=True, words=_counted(len(generation.domains))),
        _whole_check(services.reader.damaged, generation.name),
        _state_check(services.home),
        Check(
            name="fresh",
            is_good=age <= services.settings.max_age_hours,
            words=f"published {age:,.1f} hours ago; the limit is "
            f"{services.settings.max_age_hours:g}",
        ),
        *(_model_check(services.home, domain) for domain in generation.domains.values()),
        *(
            Check(name=f"model of {name}", is_good=True, words="no scores published")
            for name in generation.unscored
        ),
    ]
    is_ready = all(check.is_good for check in checks)
    return Readiness(
        status="ready" if is_ready else "not ready", generation=generation.name, checks=checks
    )


def _whole_check(damaged: str | None, served: str) -> Check:
    words = "every file that was read is whole"
    if damaged is not None:
        words = (
            f"{damaged} is damaged or gone, {served} is served; `churn publish` writes a new one"
        )
    return Check(name="whole", is_good=damaged is None, words=words)


def _state_check(home: Home) -> Check:
    try:
        _checked(home, home.state.stat().st_ino, int(time.monotonic() // _STATE_AGAIN))
    except FileNotFoundError:
        return Check(name="state", is_good=True, words="nobody has decided anything yet")
    except StateDamagedError as damage:
        return Check(name="state", is_good=False, words=f"{damage.words}; restore a backup")
    return Check(name="state", is_good=True, words="what people decided is whole")


@lru_cache(maxsize=8)
def _checked(home: Home, *_: int) -> None:
    """Check the state, again where it is another file, or later; what is damaged at each call."""
    check_state(home)


def _counted(domains: int) -> str:
    return "1 domain is published" if domains == 1 else f"{domains} domains are published"


def _model_check(home: Home, domain: PublishedDomain) -> Check:
    """Check that the model behind the published scores is on disk.

    A run that went live later is mentioned but not a fault: the published state is consistent.
    """
    name = f"model of {domain.name}"
    found = hash_of_model(home.models / domain.name / domain.model_version)
    words = f"published scores are from {domain.model_hash[:12]}"
    if found != domain.model_hash:
        words += f", but its file is {found[:12] if found else 'unreadable'}; restore the file"
    live = live_name(home, domain.name)
    if live not in (None, domain.model_version):
        words += f"; {live} went live later and is not published yet"
    return Check(name=name, is_good=found == domain.model_hash, words=words)


@router.get("/metrics", include_in_schema=False, dependencies=[Administers])
async def metrics(services: App) -> Response:
    """Return the metrics in the Prometheus format."""
    return Response(services.telemetry.exposition(), media_type=CONTENT_TYPE_LATEST)
