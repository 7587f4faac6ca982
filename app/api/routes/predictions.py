"""Real-time predictions: score, reasons and action from a customer's raw rows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from app.api.dependencies import InDomain, Predicts, Published
from app.api.http.bodies import CustomerId, Day, StrictBody
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
                # published data are still served; prediction requests report what is wrong
                services.telemetry.failure("engine_not_opened", error, domain=name)

    app.state.engines = engines
    services.reader.preparations.append(prepare)
    yield


router = APIRouter(prefix="/v1/{domain}", tags=["predictions"], lifespan=_engines)


class SentCustomer(BaseModel):
    """A customer's full history: one key per raw table, with rows by the raw files' columns.

    Rows on or after the cut-off are counted and not read. Values are written as in the file; an
    empty value is null. The id is answered in the one spelling that the rules for ids give it:
    blanks around it go, and `123.0` is `123`.
    """

    model_config = ConfigDict(extra="allow", json_schema_extra=customer_schema())
    # checked later row by row, up to a hundred faults; pydantic would report each of a million
    __pydantic_extra__: dict[str, Any] = Field(init=False)

    customer_id: CustomerId


class PredictionRequest(StrictBody):
    """Customers to score, with their full history."""

    as_of_date: Annotated[
        Day | None,
        Field(
            description="Cut-off: only events before 00:00 UTC of that day count. By default the "
            "published one; not before the model's outcomes were known, and not after today."
        ),
    ] = None
    customers: Annotated[
        list[SentCustomer],
        Field(
            min_length=1,
            max_length=MOST_CUSTOMERS,
            description="Customers with their rows: one key per raw table of the domain.",
        ),
    ]


class Reason(BaseModel):
    """What raises or lowers the risk: a pattern that precedes churn, not a proven cause."""

    rank: int = Field(description="1 moves the score most; the last one sums up all others.")
    about: str = Field(description="Subject of the reason.")
    theme: str | None = Field(description="Theme that actions address; null for all others.")
    direction: Literal["raises", "lowers"] = Field(
        description="Whether it raises or lowers the risk."
    )
    strength: str = Field(
        description="strong (at least doubles or halves the odds), medium or weak."
    )
    sentence: str = Field(
        description="The customer's value beside a typical one, as a sentence.",
        examples=["Auto-renew is off (like 10% of customers)"],
    )
    is_actionable: bool = Field(description="Whether a marketer can act on it.")
    is_typical: bool = Field(
        description="The sentence says what holds for most customers: it moves the risk, but is "
        "not shown as a reason."
    )
    contribution_log_odds: float = Field(description="Exact contribution to the score.")


class Advice(BaseModel):
    """The action for this customer, or why there is none.

    A customer of the published plan gets the action that it planned, while that may be offered, and
    none in its control groups or beyond its budget. For others it is the best action alone.
    """

    action_id: str | None = Field(description="Null if there is none; `reason` says why.")
    title: str | None = Field(description="Title of the action.")
    channel: str | None = Field(description="Channel of the action.")
    theme: str | None = Field(description="Theme that the action addresses.")
    message_hint: str | None = Field(description="Suggestion for the message.")
    expected_profit: float | None = Field(description="Expected profit, in the domain's currency.")
    expected_spend: float | None = Field(description="Expected spend, in the domain's currency.")
    break_even_probability: float | None = Field(
        description="Churn probability above which the action is profitable."
    )
    evidence: str | None = Field(description="Source of the response rates.")
    reason: str | None = Field(
        description="Code of why there is no action.", examples=["no_action_answers"]
    )
    reason_words: str | None = Field(description="Why there is no action, in words.")
    plan_marginal_profit: float | None = Field(
        description="Shadow price of the plan's budget: profit per unit of money; null without a "
        "plan."
    )
    plan_contact_price: float = Field(
        description="Shadow price of a contact through the channel, in the domain's currency."
    )
    is_within_plan: bool | None = Field(
        description="Whether the published plan contacts the customer with this action; for a "
        "customer whom it did not see, whether the action's profit exceeds the shadow prices of "
        "its money and contact."
    )
    published_decision: str | None = Field(
        description="treat, hold_out or leave; null for a customer whom the published plan did not "
        "see."
    )
    arm: str | None = Field(
        description="Arm of the plan's period: treat, control or never_treated; null if no plan of "
        "the period has chosen the customer."
    )


class CustomerPrediction(BaseModel):
    """The answer for one customer; outside the cohort all fields but the first four are null."""

    customer_id: str = Field(description="Customer id as sent.")
    in_scope: bool = Field(description="Whether the customer is in the cohort of the cut-off.")
    reason: str | None = Field(description="Why the customer is not in the cohort.")
    ignored_rows: dict[str, int] = Field(
        description="Table → rows on or after the cut-off, which were not read."
    )
    churn_probability: float | None = Field(None, description="Calibrated probability.")
    risk_band: str | None = Field(None, description="critical, high, medium or low.")
    due_on: date | None = Field(None, description="Due date of the decision; null without one.")
    customer_value: float | None = Field(
        None, description="Value in the domain's currency, before margin."
    )
    leaving_cost: float | None = Field(
        None,
        description="What it costs if the customer leaves, before margin: what stayers of this "
        "value paid more than leavers over `leaving_cost_days`; null where it was not measured.",
    )
    leaving_cost_days: int | None = Field(
        None, description="Days after the cut-off over which leaving_cost was measured."
    )
    already_cancelled: bool | None = Field(
        None,
        description="Whether the customer has already cancelled; null in domains without "
        "cancellation.",
    )
    reasons: list[Reason] | None = Field(None, description="Reasons, largest first.")
    recommendation: Advice | None = Field(None, description="What to do about this customer.")
    features: dict[str, bool | int | float | None] | None = Field(
        None, description="With include=features: feature → value; null means not observed."
    )


class Predictions(DomainAnswer):
    """Predictions, in the order of the customers in the request."""

    scored_at: datetime = Field(description="When the scores were computed.")
    items: list[CustomerPrediction] = Field(description="One per customer, in order.")
    notes: list[str] = Field(description="Notes on this answer, in sentences.")
    is_day_measured: bool | None = Field(
        description="Whether the model was tested within 4 days of this day of the month; false: "
        "its quality on such a day is not known. Null for generations that do not say."
    )
    nearest_test_as_of_date: date | None = Field(
        description="Test cohort with the nearest day of the month; its quality is in "
        "bi_model_quality_by_day."
    )
    level_as_of_date: date | None = Field(
        description="Cut-off of the cohort whose forecast level, the season's part of everybody's "
        "risk, the scores are on; null where none is forecast."
    )


@router.post(
    "/predictions",
    summary="Score customers from raw rows",
    response_model=Predictions,
    responses={408: {"description": "The body arrived too slowly."}},
    dependencies=[Predicts],
)
def predict(
    request: Request,
    generation: Published,
    domain: InDomain,
    body: Annotated[PredictionRequest, Body(openapi_examples=body_examples())],
    include: Annotated[
        list[Literal["features"]] | None, Query(description="Optional parts of the answer.")
    ] = None,
) -> dict[str, Any]:
    """Score up to a hundred customers with the SQL and the model behind the published scores.

    The same rows give the same features to the last bit. A single bad value refuses the request;
    the error names it. Nothing sent is stored. The recommendation of a customer of the published
    plan is what it decided; of another one it is the most profitable action alone, regardless of
    budget and channels.
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
        "is_day_measured": answer.tested.is_measured,
        "nearest_test_as_of_date": answer.tested.test_as_of_date,
        "level_as_of_date": answer.level.as_of_date
        if answer.level and answer.level.is_forecast
        else None,
    }


def unavailable(error: ChurnError) -> ProblemError:
    """Return the problem of a request that cannot be answered until the operator acts."""
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
        "leaving_cost": scored.leaving_cost,
        "leaving_cost_days": scored.leaving_cost_days,
        "already_cancelled": scored.already_cancelled,
        "reasons": [{**reason, "about": reason["group_title"]} for reason in scored.reasons],
        "recommendation": advice(scored),
        "features": scored.features if has_features else None,
    }


def advice(scored: Scored) -> dict[str, Any]:
    """Return the fields of an Advice."""
    action = scored.action
    return {
        "action_id": action["planned_action"],
        "title": action["action_title"],
        **{
            name: action[name] for name in Advice.model_fields if name not in ("action_id", "title")
        },
    }
