"""Customers of the scored cohort: risk, due date, reasons and recommendation."""

import json
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field, create_model
from starlette.concurrency import run_in_threadpool

from app.api.dependencies import InDomain, Paged, Reads, Tagged
from app.api.http.problems import ProblemError
from app.api.published.answers import DomainAnswer, in_domain
from app.api.published.customer_filter import CustomerFilter, conditions
from app.api.published.generation import TODAY, OpenGeneration, Row
from app.api.published.lists import ListQuery, SortKey, list_id, read_page, same
from app.api.published.row_models import list_model, row_model

router = APIRouter(prefix="/v1/{domain}/customers", dependencies=[Reads], tags=["customers"])

_RISK = (
    "as_of_date",
    "due_on",
    "churn_probability",
    "risk_band",
    "risk_rank",
    "customer_value",
    "leaving_cost",
    "leaving_cost_days",
    "value_at_risk",
    "already_cancelled",
    "is_at_risk",
    "top_driver_1",
    "top_driver_2",
    "top_driver_3",
)
_ACTION = (
    "decision",
    "reason",
    "reason_words",
    "planned_action",
    "action_title",
    "channel",
    "theme",
    "expected_profit",
    "expected_spend",
    "is_held_out",
    "is_suppressed",
)

Risk = row_model("Risk", "bi_churn_risk", leave_out=["domain", "customer_id"])
Reason = row_model("Reason", "bi_churn_reasons", leave_out=["domain", "customer_id"])
Recommendation = row_model(
    "Recommendation",
    "bi_churn_actions",
    leave_out=[
        "domain",
        "customer_id",
        "as_of_date",
        "due_on",
        "churn_probability",
        "risk_band",
        "customer_value",
        "run_id",
        "scored_at",
    ],
)
Score = row_model("PastScore", "bi_churn_history", leave_out=["domain", "customer_id"])
Listed = row_model(
    "ListedCustomer",
    "bi_churn_actions",
    only=_ACTION,
    base=row_model("RiskOfCustomer", "bi_churn_risk", only=["customer_id", *_RISK]),
)
_PARTS: dict[str, Any] = {
    "customer_id": (
        str,
        Field(description="Customer id as the source spells it, after the rules for ids."),
    ),
    "is_scored": (
        bool,
        Field(
            description="Whether the customer is in the scored cohort. If not, only history is set."
        ),
    ),
    "not_scored": (
        str | None,
        Field(description="Which customers are not scored; null for scored ones."),
    ),
    "risk": (Risk | None, Field(description="Probability, due date and value at risk.")),
    "reasons": (
        list[Reason],  # type: ignore[valid-type]
        Field(
            description="Patterns that precede churn, not proven causes; the largest first, all "
            "others together last. They add up to the score before calibration minus the base, "
            "in log-odds."
        ),
    ),
    "recommendation": (
        Recommendation | None,
        Field(
            description="What to do; without an action, `decision` is leave and there is a reason."
        ),
    ),
    "history": (
        list[Score],  # type: ignore[valid-type]
        Field(description="All past scores and outcomes, newest first."),
    ),
}
Customer = create_model(
    "Customer",
    __base__=DomainAnswer,
    __doc__="Everything published about one customer.",
    **_PARTS,
)


class CustomersQuery(CustomerFilter, ListQuery):
    """Filter, order and page of the customer list."""

    sort: Annotated[
        Literal["risk_rank", "value_at_risk", "due_on", "customer_id"],
        Field(
            description="risk_rank: riskiest first; value_at_risk: largest first; due_on: earliest "
            "first, without a date last; customer_id: by id."
        ),
    ] = "risk_rank"


_ORDERS = {
    "risk_rank": SortKey("risk_rank", "bigint"),
    "value_at_risk": SortKey("-coalesce(value_at_risk, -1e300)", "double"),
    "due_on": SortKey("coalesce(due_on, date '9999-12-31')", "date"),
    "customer_id": SortKey("customer_id", "varchar"),
}


@router.get(
    "",
    summary="List customers at risk",
    response_model=list_model("CustomerList", DomainAnswer, Listed),
    responses={
        304: {"description": "Not modified; the ETag matches."},
        410: {"description": "The cursor's generation is gone; start again."},
    },
)
def list_customers(
    generation: Paged, domain: InDomain, query: Annotated[CustomersQuery, Query()]
) -> dict[str, Any]:
    """Return one row per customer of the scored cohort who passes every filter."""
    where, values = conditions(generation, domain.name, query)
    order = [_ORDERS[query.sort]]
    if query.sort != "customer_id":
        order.append(_ORDERS["customer_id"])
    page = read_page(
        generation,
        "serving.bi_churn_risk",
        order,
        query,
        list_id("customers", domain.name, same(query.model_dump())),
        columns=", ".join(("customer_id", *_RISK)),
        where=where,
        values=values,
    )
    ids = [row["customer_id"] for row in page.rows]
    actions = {
        row["customer_id"]: row
        for row in generation.rows(
            f"select customer_id, {', '.join(_ACTION)} from {TODAY['bi_churn_actions']} "
            "where domain = ? and list_contains(?, customer_id)",
            [domain.name, ids],
        )
    }
    items = [row | actions[row["customer_id"]] for row in page.rows]
    return {**in_domain(generation, domain), "items": items, "next_cursor": page.next_cursor}


def _action_today(generation: OpenGeneration, domain: str, customer_id: str, action: Row) -> Row:
    """Return a customer's action with the suppressions of today laid over."""
    today, key = generation.today, (domain, customer_id)
    if action is None or not (key in today.suppressed or key in today.lifted):
        return action
    (laid,) = generation.rows(
        f"select {', '.join(action)} from {TODAY['bi_churn_actions']} "
        "where domain = ? and customer_id = ?",
        key,
    )
    # times as the published document has them
    return laid | {name: action[name] for name in action if isinstance(laid[name], date)}


@router.get(
    "/{customer_id:path}",
    summary="Get one customer",
    response_model=Customer,
    responses={304: {"description": "Not modified; the ETag matches."}},
)
async def read_customer(
    generation: Tagged,
    domain: InDomain,
    customer_id: Annotated[
        str,
        Path(
            max_length=500,
            description="Id as spelt in the source; `/` and `+` may be sent plain or encoded.",
        ),
    ],
) -> Response:
    """Return score, band, due date, reasons, history, and a recommendation or why there is none."""
    found = generation.customer(domain.name, customer_id)
    if found is None:
        await run_in_threadpool(generation.check_unknown, domain.name, customer_id)
        raise ProblemError(
            404,
            "unknown-customer",
            f"{domain.name} has no scores of a customer {customer_id[:200]!r}. It scores "
            f"{domain.row['population']}.",
        )
    is_scored = found["risk"] is not None
    if is_scored:
        found["action"] = _action_today(generation, domain.name, customer_id, found["action"])
    answer = {
        **in_domain(generation, domain),
        "customer_id": customer_id,
        "is_scored": is_scored,
        "not_scored": None if is_scored else domain.row["not_scored"],
        "risk": found["risk"],
        "reasons": found["reasons"] or [],
        "recommendation": found["action"],
        "history": found["history"],
    }
    # sent as published: validating it would cost a tenth of the look-up, and contract tests do so
    return Response(json.dumps(answer, default=str), media_type="application/json")
