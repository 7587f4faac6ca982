"""Assembles an app. It has no global state, so two apps can run in one process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI, Request, Response

from app.api.access.gate import GateMiddleware
from app.api.access.keys import KeyRing
from app.api.access.store import Store
from app.api.dependencies import NotModifiedError
from app.api.http import docs_page
from app.api.http.conditional import AnyTagMiddleware
from app.api.http.problems import add_problem_handlers
from app.api.http.telemetry import Telemetry, TelemetryMiddleware
from app.api.http.version import VERSION
from app.api.night_metrics import NightMetrics
from app.api.openapi import describe
from app.api.published.generation import OpenGeneration, Reader
from app.api.routes import (
    audiences,
    audit,
    batch,
    campaigns,
    crm,
    customers,
    decisions,
    domains,
    drafts,
    health,
    plans,
    playbooks,
    predictions,
    published_lists,
)
from app.api.services import Services
from app.api.settings import ApiSettings
from app.headers import ALWAYS, NO_PAGE, SafeHeaders
from pipeline.project.home import Home

# One file each under routes/. Routes are matched in this order, the most requested first.
ROUTERS = (
    customers.router,
    domains.router,
    published_lists.router,
    plans.router,
    drafts.router,
    campaigns.router,
    playbooks.router,
    crm.router,
    decisions.router,
    audiences.router,
    audit.router,
    predictions.router,
    batch.router,
    health.router,
)

DESCRIPTION = """
Who is likely to leave, by when, why, and what to do about it: the published scores of all domains.

- Send a key in the header `X-API-Key`. Each operation lists the scope it needs.
- Every answer comes from one published `generation` and names its cut-off (`as_of_date`) and its
  model (`model_version`). In answers across domains these two are objects, domain → value; the
  value is null for a domain without published scores.
- Lists return `items` and `next_cursor`. For the next page, send it as `cursor` with the same
  filters.
- A GET of published data has an `ETag`. Send it as `If-None-Match` to get 304 until something new
  is published.
- Errors are `application/problem+json` (RFC 9457). `type` is stable; `errors` gives the field, and
  the row in the innermost list, counted from 1.
- A POST that stores something accepts an `Idempotency-Key`. Repeating it has no further effect and
  returns the first answer.
- Reasons are patterns that precede churn, not proven causes.
"""
TAGS = {
    "domains and models": "Published domains and trained models.",
    "customers": "Customers at risk: when, why, and what to do.",
    "reasons": "Churn drivers across all customers.",
    "quality": "Quality of the model, calibration and drift.",
    "plan": "The retention plan, trials with other settings, and drafts.",
    "campaigns": "Campaigns from draft to end, playbooks, and messages that did not arrive.",
    "crm": "Changes for a CRM sync.",
    "audiences": "Saved filters of the customer list.",
    "decisions": "Suppressions, contacts, and who decided what.",
    "predictions": "Scores, reasons and an action from raw rows, in real time.",
    "batch predictions": "Scores for whole files, or for all customers at a cut-off, as a job.",
    "health": "Liveness and readiness.",
}


def create_app(
    home: Home, settings: ApiSettings | None = None, telemetry: Telemetry | None = None
) -> FastAPI:
    """Return the API on a CHURN_HOME; nothing needs to be published yet.

    Args:
        home: CHURN_HOME.
        settings: Limits; the defaults if not given.
        telemetry: Log and metrics; a log on standard error if not given.
    """
    settings, telemetry = settings or ApiSettings(), telemetry or Telemetry()
    telemetry.registry.register(NightMetrics(home))
    store = Store(home)

    def opened(generation: OpenGeneration) -> None:
        telemetry.swaps.inc()
        telemetry.published.set(generation.published_at.timestamp())
        telemetry.event("generation_opened", generation=generation.name)

    services = Services(
        home=home,
        settings=settings,
        reader=Reader(home, opened),
        store=store,
        keys=KeyRing(store),
        telemetry=telemetry,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        follower = asyncio.create_task(
            services.reader.follow(
                settings.follow_seconds,
                lambda error: telemetry.failure("generation_not_opened", error),
            )
        )
        yield
        follower.cancel()
        with suppress(asyncio.CancelledError):
            await follower
        services.keys.close()
        store.close()

    app = FastAPI(
        title="Churn API",
        description=DESCRIPTION,
        openapi_tags=[{"name": name, "description": words} for name, words in TAGS.items()],
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    for router in (*ROUTERS, docs_page.router):
        app.include_router(router)
    add_problem_handlers(app)
    app.add_exception_handler(NotModifiedError, _not_modified)
    # the middleware added last runs first
    app.add_middleware(AnyTagMiddleware)
    app.add_middleware(GateMiddleware, keys=services.keys, settings=settings)
    app.add_middleware(TelemetryMiddleware, telemetry=telemetry)
    app.add_middleware(CorrelationIdMiddleware)
    app.add_middleware(SafeHeaders, headers=ALWAYS | {"Content-Security-Policy": NO_PAGE})
    describe(app)
    return app


async def _not_modified(_: Request, __: Exception) -> Response:
    return Response(status_code=304)
