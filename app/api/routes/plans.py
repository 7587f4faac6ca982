"""The published retention plan, and trials with other settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import duckdb
from fastapi import APIRouter, Query
from pydantic import Field, create_model

from app.api.dependencies import App, InDomain, Paged, Published, Reads
from app.api.http.bodies import Day, StrictBody
from app.api.http.problems import ProblemError, body_fault, invalid
from app.api.published.answers import DomainAnswer, in_domain
from app.api.published.customer_filter import known_actions, known_parts
from app.api.published.generation import OpenGeneration, PublishedDomain, Row
from app.api.published.lists import ListQuery, SortKey, among, list_id, read_page
from app.api.published.row_models import list_model, row_model
from pipeline.project.duck import rows_of
from pipeline.retention.catalogue import channels_of
from pipeline.retention.plan import PlanChanges, planning_published
from pipeline.retention.plan_choice import PlanChoice

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
    """Customers whom the plan is for, and actions that it may use."""

    bands: Annotated[list[str], Field(max_length=10, description="Risk bands; all if empty.")] = []  # noqa: RUF012 - a field's default
    themes: Annotated[
        list[str],
        Field(
            max_length=50,
            description="Themes; matches customers with one of them among their three "
            "strongest; all if empty.",
        ),
    ] = []  # noqa: RUF012
    parts: Annotated[
        list[str],
        Field(
            max_length=100,
            description="Parts of segments, each as `segment:code` from the columns `segment` and "
            "`segment_value_code` of `bi_customer_segments`; matches any part of the same segment, "
            "and every segment named; all if empty.",
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
    at_risk: Annotated[
        bool | None,
        Field(
            description="Only customers at risk (critical or high, not cancelled already), or only "
            "others; all if omitted."
        ),
    ] = None
    already_cancelled: Annotated[
        bool | None,
        Field(
            description="Only customers who have already cancelled, or only others; all if omitted."
        ),
    ] = None
    actions: Annotated[
        list[str], Field(max_length=100, description="Actions to choose from; all if empty.")
    ] = []  # noqa: RUF012
    channels: Annotated[
        list[str], Field(max_length=20, description="Channels to choose from; all if empty.")
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
    filter: Annotated[
        PlanFilter | None,
        Field(description="Whom the plan is for and what it may use; as published if omitted."),
    ] = None


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
    changes = plan_changes(generation, domain, body)
    with computing(services, generation, domain, changes) as connection:
        found = _read(connection)
    return {**in_domain(generation, domain), **found, "next_cursor": None}


@contextmanager
def computing(
    services: App, generation: OpenGeneration, domain: PublishedDomain, changes: PlanChanges
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Compute a plan from a generation; one at a time.

    Raises:
        ProblemError: 503, another one is being computed, or the generation lacks the inputs; 422,
            no customer is in the audience.
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
    if not services.planner.acquire(blocking=False):
        raise ProblemError(
            503,
            "busy",
            "Another plan is being computed. Try again in a few seconds.",
            headers={"Retry-After": "5"},
        )
    try:
        with planning_published(folder, domain.name, changes) as connection:
            if count_audience(connection) == 0:
                raise invalid(
                    body_fault(["filter"], "no scored customer passes the filter; widen it")
                )
            yield connection
    finally:
        services.planner.release()


def count_audience(connection: duckdb.DuckDBPyConnection) -> int:
    """Return how many scored customers a computed plan is for."""
    (row,) = connection.execute("select count(*) from int_churn__plan_audience_selected").fetchall()
    return int(row[0])


def _read(connection: duckdb.DuckDBPyConnection) -> Row:
    def rows(sql: str) -> list[Row]:
        return rows_of(connection.execute(sql))

    by = ", ".join(key.sql for key in _ORDER)
    return {
        "items": rows(f"select * exclude (domain, as_of_date) from {_LINES} order by {by}"),
        "budget": read_budget(connection),
        "alternatives": rows(
            "select * exclude (domain) from fct_churn_plan_alternatives order by all"
        ),
        "customers": count_audience(connection),
    }


def read_budget(connection: duckdb.DuckDBPyConnection) -> Row:
    """Return what a computed plan costs and earns: columns of `bi_retention_budget`."""
    (row,) = rows_of(connection.execute(f"select * exclude (domain) from {_BUDGET}"))
    return row


def plan_changes(
    generation: OpenGeneration, domain: PublishedDomain, body: PlanRequest
) -> PlanChanges:
    """Return what a request asks for; its names are checked.

    Raises:
        ProblemError: 422, a name does not exist.
    """
    return PlanChanges(
        body.budget,
        body.holdout,
        None if body.filter is None else plan_choice(generation, domain, body.filter),
        {
            customer: reason
            for (of, customer), (reason, _) in generation.today.suppressed.items()
            if of == domain.name
        },
    )


def plan_choice(
    generation: OpenGeneration, domain: PublishedDomain, asked: PlanFilter
) -> PlanChoice:
    """Return a filter as a plan's choice; its names are checked.

    Raises:
        ProblemError: 422, a name does not exist.
    """
    actions = known_actions(generation, domain.name)
    checked = (
        ("bands", asked.bands, generation.choices("bi_churn_risk", "risk_band", domain.name)),
        ("themes", asked.themes, generation.choices("bi_churn_drivers", "theme", domain.name)),
        ("parts", asked.parts, known_parts(generation, domain.name)),
        ("actions", asked.actions, actions),
        ("channels", asked.channels, channels_of(domain.name)),
    )
    for name, wanted, allowed in checked:
        among(f"filter/{name}", wanted, allowed, "#")
    return PlanChoice(
        tuple(asked.bands),
        tuple(asked.themes),
        tuple(asked.parts),
        asked.min_probability,
        asked.max_probability,
        asked.min_value,
        asked.due_from,
        asked.due_to,
        asked.at_risk,
        asked.already_cancelled,
        tuple(asked.actions),
        tuple(asked.channels),
    )
