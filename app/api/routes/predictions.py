"""Real time: a score, its reasons and an action from a customer's raw rows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from app.api.dependencies import InDomain, Predicts, Published
from app.api.http.bodies import CustomerId, Day
from app.api.http.memory import settle
from app.api.http.problems import ProblemError, body_fault, invalid
from app.api.published.answers import DomainAnswer, in_domain
from app.api.published.generation import OpenGeneration
from app.api.published.raw_rows import body_examples, customer_schema
from app.api.services import Services
from pipeline.project.errors import ChurnError
from pipeline.realtime.answer import Scored
from pipeline.realtime.engine import Engines, Prediction
from pipeline.realtime.errors import BadRowsError, NotReadyError, RefusedDateError
from pipeline.realtime.rows import Customer

MOST_CUSTOMERS = 100


@asynccontextmanager
async def _engines(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    engines = Engines(services.home, opened=settle)

    def prepare(generation: OpenGeneration) -> None:
        for name in engines.in_use() & set(generation.domains):
            try:
                engines.engine(generation.path, name, generation.domains[name].model_version)
            except Exception as error:
                # what is published is served all the same; who predicts is told what is wrong
                services.telemetry.failure("engine_not_opened", error, domain=name)

    app.state.engines = engines
    services.reader.preparations.append(prepare)
    yield


router = APIRouter(prefix="/v1/{domain}", tags=["predictions"], lifespan=_engines)


class SentCustomer(BaseModel):
    """A customer's full history: the rows of the domain's raw files, by the files' columns.

    A key for each raw table. Rows on the cut-off or after it are not read, and counted. A value is
    written as in the file; an empty one is null.
    """

    model_config = ConfigDict(extra="allow", json_schema_extra=customer_schema())
    # looked at row by row where a hundred faults are enough; pydantic would name each of a million
    __pydantic_extra__: dict[str, Any] = Field(init=False)

    customer_id: CustomerId


class PredictionRequest(BaseModel):
    """Customers to score, with everything the features may read of them."""

    model_config = ConfigDict(extra="forbid")

    as_of_date: Annotated[
        Day | None,
        Field(
            description="Cut-off: only what happened before 00:00 UTC of it counts. The published "
            "one if not given; not before the model's outcomes were known, and not after today."
        ),
    ] = None
    customers: Annotated[
        list[SentCustomer],
        Field(
            min_length=1,
            max_length=MOST_CUSTOMERS,
            description="Each with its rows: a key for each raw table of the domain.",
        ),
    ]


class Reason(BaseModel):
    """What raises or lowers the risk; a pattern that precedes churn, not a proven cause."""

    rank: int = Field(description="1 is what moves the score most; the last is all the rest.")
    about: str = Field(description="What it is about, in words.")
    theme: str | None = Field(description="Theme that actions answer; null for the rest together.")
    direction: Literal["raises", "lowers"] = Field(description="Which way it moves the risk.")
    strength: str = Field(description="strong at least doubles or halves the odds; medium; weak.")
    sentence: str = Field(
        description="In words: the customer's value beside what is usual.",
        examples=["does not renew automatically (10% of customers)"],
    )
    is_actionable: bool = Field(description="Whether a marketer can do something about it.")
    contribution_log_odds: float = Field(description="What it moves the score by, exactly.")


class Advice(BaseModel):
    """What would be offered if money allowed, or why nothing; no place in the plan is taken."""

    action_id: str | None = Field(description="Null: nothing is offered, `reason` says why.")
    title: str | None = Field(description="The action in words.")
    channel: str | None = Field(description="How the customer is reached.")
    theme: str | None = Field(description="Theme that it answers.")
    message_hint: str | None = Field(description="What a message might say.")
    expected_profit: float | None = Field(description="In the domain's currency.")
    expected_spend: float | None = Field(description="In the domain's currency.")
    break_even_probability: float | None = Field(
        description="Probability at which the action would earn nothing."
    )
    evidence: str | None = Field(description="Where the rates come from.")
    reason: str | None = Field(
        description="Why nothing is offered.", examples=["no_action_answers"]
    )
    reason_words: str | None = Field(description="The same in words.")
    plan_marginal_profit: float | None = Field(
        description="The plan's threshold: what its last unit of money earns. Null without a plan."
    )
    plan_contact_price: float = Field(
        description="What the plan charges for a contact of the channel, in the currency."
    )
    is_within_plan: bool | None = Field(
        description="Whether the action earns more than the plan charges for its money and contact."
    )


class CustomerPrediction(BaseModel):
    """The answer for one customer; outside the cohort all but the first four are null."""

    customer_id: str = Field(description="Customer as it was sent.")
    in_scope: bool = Field(description="Whether it is in the cohort of the cut-off.")
    reason: str | None = Field(description="Why it is not.")
    ignored_rows: dict[str, int] = Field(
        description="Table → rows on the cut-off or after it, which were not read."
    )
    churn_probability: float | None = Field(None, description="Calibrated probability.")
    risk_band: str | None = Field(None, description="critical, high, medium or low.")
    due_on: date | None = Field(None, description="When the decision is due; null without one.")
    customer_value: float | None = Field(
        None, description="What is at stake, in the domain's currency, before margin."
    )
    already_cancelled: bool | None = Field(
        None, description="Whether it has cancelled; null where the domain has no such thing."
    )
    reasons: list[Reason] | None = Field(None, description="Largest first.")
    recommendation: Advice | None = Field(None, description="What to do about this customer.")
    features: dict[str, bool | int | float | None] | None = Field(
        None, description="With include=features: feature → value; null is not observed."
    )


class Predictions(DomainAnswer):
    """Predictions, in the order the customers were sent."""

    scored_at: datetime = Field(description="When this was computed.")
    items: list[CustomerPrediction] = Field(description="One per customer, in their order.")
    notes: list[str] = Field(description="What to know about this answer, in sentences.")


@router.post(
    "/predictions",
    summary="Who will leave, why, and what to do, from raw rows?",
    response_model=Predictions,
    responses={408: {"description": "The body came too slowly."}},
    dependencies=[Predicts],
)
def predict(
    request: Request,
    generation: Published,
    domain: InDomain,
    body: Annotated[PredictionRequest, Body(openapi_examples=body_examples())],
    include: Annotated[
        list[Literal["features"]] | None, Query(description="What to add to the answer.")
    ] = None,
) -> dict[str, Any]:
    """Score up to a hundred customers by the SQL and the model behind the published scores.

    The same rows give the same features to the last bit. One bad value refuses the request and is
    named; nothing of what is sent is kept. The recommendation is the action that pays best for the
    customer alone: the plan's budget, channels and hold-out are not asked.
    """
    customers = [
        Customer(one.customer_id, dict(one.__pydantic_extra__ or {})) for one in body.customers
    ]
    engines: Engines = request.app.state.engines
    try:
        engine = engines.engine(generation.path, domain.name, domain.model_version)
        answer = engine.predict(customers, body.as_of_date)
    except BadRowsError as bad:
        raise invalid(
            *(
                body_fault(
                    problem.where,
                    problem.reason + ("" if problem.value is None else f": {problem.value!r}"),
                )
                for problem in bad.problems
            )
        ) from bad
    except RefusedDateError as refused:
        raise invalid(
            body_fault(["as_of_date"], f"{refused.what} {refused.hint or ''}".strip())
        ) from refused
    except ChurnError as error:
        raise unavailable(error) from error
    return {
        **in_domain(generation, domain),
        "as_of_date": answer.as_of_date,
        "scored_at": datetime.now().astimezone(),
        "items": [_item(one, "features" in (include or ())) for one in answer.predictions],
        "notes": answer.notes,
    }


def unavailable(error: ChurnError) -> ProblemError:
    """Return the problem of what cannot be answered until somebody here does something."""
    words, headers = f"{error.what} {error.hint or ''}".strip(), {"Retry-After": "60"}
    if isinstance(error, NotReadyError):
        return ProblemError(503, "not-published", words, headers=headers)
    return ProblemError(503, "model-unavailable", words, headers=headers)


def _item(found: Prediction, has_features: bool) -> dict[str, Any]:
    told = {
        "customer_id": found.customer_id,
        "in_scope": found.scored is not None,
        "reason": found.reason,
        "ignored_rows": found.ignored,
    }
    if found.scored is None:
        return told
    scored = found.scored
    return told | {
        "churn_probability": scored.churn_probability,
        "risk_band": scored.risk_band,
        "due_on": scored.due_on,
        "customer_value": scored.customer_value,
        "already_cancelled": scored.already_cancelled,
        "reasons": [{**reason, "about": reason["group_title"]} for reason in scored.reasons],
        "recommendation": advice(scored),
        "features": scored.features if has_features else None,
    }


def advice(scored: Scored) -> dict[str, Any]:
    """Return the members of an Advice."""
    action = scored.action
    return {
        "action_id": action["planned_action"],
        "title": action["action_title"],
        **{
            name: action[name] for name in Advice.model_fields if name not in ("action_id", "title")
        },
    }
