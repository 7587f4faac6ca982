"""Whether the API lives, whether it may be asked, and how it fares."""

from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from app.api.dependencies import Administers, App
from app.api.problems import ProblemError
from app.api.services import Services
from pipeline.models import live_name, recipe_of

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Check(BaseModel):
    """One thing that readiness rests on."""

    name: str = Field(examples=["fresh"])
    is_good: bool
    words: str = Field(description="What was found.")


class Readiness(BaseModel):
    """Whether answers can be relied on, check by check."""

    status: Literal["ready", "not ready"] = Field(description="ready when every check is good.")
    generation: str | None = Field(description="Published generation; null before the first.")
    checks: list[Check]


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> Alive:
    """Answer as long as the process serves requests; needs no key and nothing published."""
    return Alive()


@router.get(
    "/readyz",
    summary="Can answers be relied on?",
    responses={503: {"model": Readiness, "description": "Not ready; the checks say why."}},
)
def readyz(services: App, response: Response) -> Readiness:
    """Check that a generation is open, fresh enough, and scored by the live models."""
    found = readiness(services)
    if found.status != "ready":
        response.status_code = 503
    return found


def readiness(services: Services) -> Readiness:
    """Return what `/readyz` says."""
    try:
        generation = services.reader.current()
    except ProblemError as problem:
        check = Check(name="open", is_good=False, words=problem.detail)
        return Readiness(status="not ready", generation=None, checks=[check])
    age = (datetime.now(UTC) - generation.published_at).total_seconds() / 3600
    checks = [
        Check(name="open", is_good=True, words=f"{len(generation.domains)} domains"),
        Check(
            name="fresh",
            is_good=age <= services.settings.max_age_hours,
            words=f"published {age:,.1f} hours ago; at most {services.settings.max_age_hours:g} "
            "are fresh enough",
        ),
    ]
    for domain in generation.domains.values():
        live = live_name(services.home, domain.name)
        folder = services.home.models / domain.name / str(live)
        kept = recipe_of(folder)["model_hash"] if (folder / "recipe.json").exists() else None
        is_same = kept == domain.model_hash
        checks.append(
            Check(
                name=f"model of {domain.name}",
                is_good=is_same,
                words=f"published scores are by {domain.model_hash[:12]}"
                + ("" if is_same else f", the live model is {str(kept)[:12]}: publish again"),
            )
        )
    is_ready = all(check.is_good for check in checks)
    return Readiness(
        status="ready" if is_ready else "not ready", generation=generation.name, checks=checks
    )


@router.get("/metrics", include_in_schema=False, dependencies=[Administers])
async def metrics(services: App) -> Response:
    """Metrics as Prometheus reads them."""
    return Response(services.telemetry.exposition(), media_type=CONTENT_TYPE_LATEST)
