"""The published retention plan, and trials with other settings."""

from typing import Annotated, Any

import duckdb
from fastapi import APIRouter, Query
from pydantic import Field, create_model

from app.api.dependencies import App, InDomain, Paged, Published, Reads
from app.api.http.bodies import Day, StrictBody
from app.api.http.problems import ProblemError, body_fault, invalid
from app.api.published.answers import DomainAnswer, in_domain
from app.api.published.customer_filter import known_actions
from app.api.published.generation import OpenGeneration, PublishedDomain, Row
from app.api.published.lists import ListQuery, SortKey, among, list_id, read_page
from app.api.published.row_models import list_model, row_model
from pipeline.project.duck import rows_of
from pipeline.project.errors import ChurnError
from pipeline.retention.plan import Selection, planning_published

router = APIRouter(prefix="/v1/{domain}", dependencies=[Reads], tags=["plan"])

_LINES, _CHOICES, _BUDGET = (
    "bi_retention_plan",
    "bi_retention_alternatives",
    "bi_retention_budget",
)
_ORDER = tuple(
    SortKey(column, "varchar")
    for column in ("risk_band", "action_id", "theme", "decision", "reason", "evidence")
)
PlanLine = row_model("PlanLine", _LINES, leave_out=["domain", "as_of_date"])
Alternative = row_model("PlanAlternative", _CHOICES, leave_out=["domain"])
Budget = row_model("PlanBudget", _BUDGET, leave_out=["domain"])
_PARTS: dict[str, Any] = {
    "budget": (Budget, Field(description="Totals of the plan and its bound.")),
    "alternatives": (
        list[Alternative],  # type: ignore[valid-type]
        Field(description="What other policies would earn."),
    ),
}
Plan = create_model(
    "Plan",
    __base__=list_model("PlanLines", DomainAnswer, PlanLine),
    __doc__="The published plan; every scored customer is counted in one of its lines.",
    **_PARTS,
)
ComputedPlan = create_model(
    "ComputedPlan",
    __base__=Plan,
    __doc__="A trial with other settings; it is not saved or published.",
    customers=(int, Field(description="Customers who pass the filter.")),
)


class PlanFilter(StrictBody):
    """Customers and actions that the plan may use; others are ignored."""

    bands: Annotated[list[str], Field(max_length=10, description="Risk bands; all if empty.")] = []  # noqa: RUF012 - a field's default
    themes: Annotated[
        list[str],
        Field(
            max_length=50,
            description="Themes; matches customers with one of them among their three "
            "strongest; all if empty.",
        ),
    ] = []  # noqa: RUF012
    min_probability: Annotated[
        float | None, Field(ge=0, le=1, strict=True, description="Minimum churn probability.")
    ] = None
    max_probability: Annotated[
        float | None, Field(ge=0, le=1, strict=True, description="Maximum churn probability.")
    ] = None
    min_value: Annotated[
        float | None,
        Field(
            allow_inf_nan=False,
            strict=True,
            description="Minimum customer value, in the domain's currency.",
        ),
    ] = None
    due_from: Annotated[Day | None, Field(description="Earliest due date.")] = None
    due_to: Annotated[Day | None, Field(description="Latest due date, inclusive.")] = None
    actions: Annotated[
        list[str], Field(max_length=100, description="Actions to choose from; all if empty.")
    ] = []  # noqa: RUF012


class PlanRequest(StrictBody):
    """Settings that differ from the published plan."""

    budget: Annotated[
        float | None,
        Field(
            ge=0,
            le=1e12,
            strict=True,
            description="Limit on expected spend of the whole period, in the domain's "
            "currency; as published if omitted.",
            examples=[1500],
        ),
    ] = None
    holdout: Annotated[
        float | None,
        Field(
            ge=0,
            le=0.5,
            strict=True,
            description="Share to hold out of the customers whom the period has not drawn yet; as "
            "published if omitted.",
            examples=[0.1],
        ),
    ] = None
    filter: Annotated[PlanFilter, Field(default_factory=PlanFilter)]


@router.get(
    "/plan",
    summary="Get the published plan",
    response_model=Plan,
    responses={
        304: {"description": "Not modified; the ETag matches."},
        410: {"description": "The cursor's generation is gone; start again."},
    },
)
def read_plan(
    generation: Paged, domain: InDomain, query: Annotated[ListQuery, Query()]
) -> dict[str, Any]:
    """Return budget, alternatives, and lines as `items`, with the reasons for no action."""
    page = read_page(
        generation,
        f"serving.{_LINES}",
        _ORDER,
        query,
        list_id("plan", domain.name),
        columns="* exclude (domain, as_of_date)",
        where=["domain = ?"],
        values=[domain.name],
    )
    budget, alternatives = (
        generation.rows(
            f"select * exclude (domain) from serving.{table} where domain = ? order by all",
            [domain.name],
        )
        for table in (_BUDGET, _CHOICES)
    )
    if not budget:
        raise ProblemError(404, "no-plan", f"No plan is published for {domain.name}.")
    return {
        **in_domain(generation, domain),
        "budget": budget[0],
        "alternatives": alternatives,
        "items": page.rows,
        "next_cursor": page.next_cursor,
    }


@router.post(
    "/plans",
    summary="Compute a trial plan",
    response_model=ComputedPlan,
)
def compute_plan(
    services: App, generation: Published, domain: InDomain, body: PlanRequest
) -> dict[str, Any]:
    """Compute a plan from the published scores with another budget, hold-out or filter.

    Customers who were suppressed since the publish get no action.

    It begins where the published plan began: what earlier publishes of the period drew stays, and
    what the period had spent by then is gone from the budget.
    Nothing is saved; `churn plan --save` changes the published plan. A trial takes seconds and
    only one runs at a time; meanwhile others get 503 with Retry-After.
    """
    folder = generation.plan_folder(domain.name)
    if folder is None:
        raise ProblemError(
            503,
            "published-by-an-older-version",
            "The published generation lacks the inputs of plans. Run `churn publish` to publish "
            "again.",
            headers={"Retry-After": "600"},
        )
    selection = _selection(generation, domain, body.filter)
    if not services.planner.acquire(blocking=False):
        raise ProblemError(
            503,
            "busy",
            "Another plan is being computed. Try again in a few seconds.",
            headers={"Retry-After": "5"},
        )
    try:
        with planning_published(
            folder, domain.name, budget=body.budget, holdout=body.holdout, selection=selection
        ) as connection:
            found = _read(connection)
    except ChurnError as nobody:
        raise invalid(
            body_fault(["filter"], "no scored customer passes the filter; widen it")
        ) from nobody
    finally:
        services.planner.release()
    return {**in_domain(generation, domain), **found, "next_cursor": None}


def _read(connection: duckdb.DuckDBPyConnection) -> Row:
    def rows(sql: str) -> list[Row]:
        return rows_of(connection.execute(sql))

    by = ", ".join(key.sql for key in _ORDER)
    (count,) = rows("select count(*) as customers from int_churn__contact_eligibility_checked")
    return {
        "items": rows(f"select * exclude (domain, as_of_date) from {_LINES} order by {by}"),
        "budget": rows(f"select * exclude (domain) from {_BUDGET}")[0],
        "alternatives": rows(
            "select * exclude (domain) from fct_churn_plan_alternatives order by all"
        ),
        "customers": count["customers"],
    }


def _selection(generation: OpenGeneration, domain: PublishedDomain, asked: PlanFilter) -> Selection:
    """Return a filter as the condition on a plan's customers; its names are checked first."""
    checked = (
        ("bands", asked.bands, generation.choices("bi_churn_risk", "risk_band", domain.name)),
        ("themes", asked.themes, generation.choices("bi_churn_drivers", "theme", domain.name)),
        ("actions", asked.actions, known_actions(generation, domain.name)),
    )
    for name, wanted, allowed in checked:
        among(f"filter/{name}", wanted, allowed, "#")
    conditions: dict[str, Any] = {
        "list_contains(?, risk_band)": asked.bands or None,
        "list_has_any(?, [theme_1, theme_2, theme_3])": asked.themes or None,
        "churn_probability >= ?": asked.min_probability,
        "churn_probability <= ?": asked.max_probability,
        "customer_value >= ?": asked.min_value,
        "due_on >= ?": asked.due_from,
        "due_on <= ?": asked.due_to,
    }
    chosen = {sql: value for sql, value in conditions.items() if value is not None}
    return Selection(
        " and ".join(chosen) or "true",
        tuple(chosen.values()),
        tuple(asked.actions),
        {
            customer: reason
            for (of, customer), (reason, _) in generation.today.suppressed.items()
            if of == domain.name
        },
    )
