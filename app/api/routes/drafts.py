"""Drafts of plans: saved by name, read with their customers, approved to be published."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, Field

from app.api.dependencies import App, Approves, Author, InDomain, Plans, Published, Reads
from app.api.http.bodies import Text
from app.api.http.problems import ProblemError
from app.api.published.answers import DomainAnswer, in_domain
from app.api.published.lists import ListQuery, list_id, read_kept
from app.api.routes.plans import PlanFilter, PlanRequest, computing, plan_changes, read_budget
from pipeline.project.errors import ChurnError
from pipeline.retention import drafts
from pipeline.retention.drafts import Draft
from pipeline.retention.plan_choice import PlanChoice

router = APIRouter(prefix="/v1/{domain}/drafts", tags=["plan"])

Name = Annotated[
    Text,
    Path(
        max_length=100,
        pattern="^[^/]+$",
        description="Name of the draft; case-sensitive, without `/`.",
        examples=["spring, no calls"],
    ),
]


class KeptDraft(BaseModel):
    """A plan that was saved and is not published by that."""

    draft_id: str = Field(
        description="Id of this version; saving the name again gives another one."
    )
    name: str = Field(description="Name of the draft.")
    budget: float = Field(
        description="Limit on expected spend of the period, in the domain's currency."
    )
    holdout: float | None = Field(
        description="Share held out of those drawn from now on; null for what power requires."
    )
    filter: PlanFilter = Field(description="Whom it is for and what it may use.")
    figures: Annotated[
        dict[str, Any],
        Field(description="What it costs and earns: columns of `bi_retention_budget`."),
    ]
    generation: str = Field(description="Generation that it was computed from.")
    as_of_date: str = Field(description="Cut-off of the scores that it was computed from.")
    made_by: str = Field(
        description="Who saved it: the key's name, with the person's if the key is shared."
    )
    made_at: datetime = Field(description="When, UTC.")
    approved_by: str | None = Field(description="Who approved it; null if nobody did.")
    approved_at: datetime | None = Field(description="When, UTC.")
    is_plan: bool = Field(
        description="It is what the next publish plans by. A draft that was approved earlier is "
        "not, once another one was, or another budget was saved."
    )


class DraftList(DomainAnswer):
    """Drafts, sorted by name."""

    items: list[KeptDraft]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


class SavedDraft(DomainAnswer):
    """A draft."""

    draft: KeptDraft


class ForgottenDraft(DomainAnswer):
    """Result of deleting a draft."""

    forgotten: int = Field(description="Drafts deleted: 0 or 1.")


class DraftCustomer(BaseModel):
    """A customer whom a draft would contact or hold out."""

    customer_id: str = Field(description="Customer.")
    decision: Literal["treat", "hold_out"] = Field(description="treat, or hold_out.")
    planned_action: str = Field(description="Action.")
    action_title: str = Field(description="What it is called.")
    channel: str = Field(description="Its channel.")
    theme: str | None = Field(description="Theme that it answers.")
    due_on: str | None = Field(description="When the decision is due; null without a contract.")
    churn_probability: float = Field(description="Churn probability.")
    customer_value: float | None = Field(description="Customer value, before margin.")
    expected_profit: float = Field(description="Expected profit of contacting the customer.")
    expected_spend: float = Field(description="Expected spend.")


class DraftCustomersQuery(ListQuery):
    """Which customers of a draft."""

    decision: Annotated[
        list[Literal["treat", "hold_out"]],
        Field(description="To contact, or the control group; both if omitted."),
    ] = []  # noqa: RUF012 - a field's default


class DraftCustomers(DomainAnswer):
    """Customers of a draft, sorted by id."""

    draft_id: str = Field(description="Id of the draft's version.")
    items: list[DraftCustomer]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


@router.get(
    "",
    summary="List drafts of plans",
    dependencies=[Reads],
    response_model_exclude_defaults=True,
)
def list_drafts(
    services: App, generation: Published, domain: InDomain, query: Annotated[ListQuery, Query()]
) -> DraftList:
    """Return the saved drafts with their settings and figures."""
    plan = drafts.draft_of_plan(services.home, domain.name)
    found, following = read_kept(
        query,
        list_id("drafts", domain.name),
        lambda after, limit: drafts.read_drafts(services.home, domain.name, after, limit),
        lambda draft: draft.name,
    )
    items = [_shown(draft, plan) for draft in found]
    return DraftList(**in_domain(generation, domain), items=items, next_cursor=following)


@router.put(
    "/{name}",
    summary="Save a draft of a plan",
    dependencies=[Plans],
    response_model_exclude_defaults=True,
    responses={409: {"description": "There are too many drafts; delete one first."}},
)
def save_draft(
    services: App,
    generation: Published,
    domain: InDomain,
    by: Author,
    name: Name,
    body: PlanRequest,
) -> SavedDraft:
    """Compute a plan and save it with its customers. No arm is drawn and no plan is changed.

    Without a filter it is for all customers and may use all actions. A draft of the same name is
    replaced; if that one was approved, it stays the plan until another one is.
    """
    asked = body.model_copy(update={"filter": body.filter or PlanFilter()})
    changes = plan_changes(generation, domain, asked)
    with computing(services, generation, domain, changes) as connection:
        figures = jsonable_encoder(read_budget(connection))
        choice = changes.choice or PlanChoice()
        draft = Draft(
            draft_id="",
            domain=domain.name,
            name=name,
            budget_cents=round(100 * figures["budget"]),
            holdout_per_mille=None
            if figures["is_holdout_automatic"]
            else round(1000 * figures["holdout_share"]),
            choice=choice,
            figures=figures,
            generation=generation.name,
            as_of_date=domain.as_of_date,
            made_by=by,
            made_at=datetime.now(UTC),
        )
        try:
            kept = drafts.save_draft(services.home, draft, connection)
        except ChurnError as full:
            raise ProblemError(409, "too-many-drafts", str(full)) from full
    return SavedDraft(**in_domain(generation, domain), draft=_shown(kept, None))


@router.get(
    "/{name}",
    summary="Get a draft of a plan",
    dependencies=[Reads],
    response_model_exclude_defaults=True,
)
def read_draft(services: App, generation: Published, domain: InDomain, name: Name) -> SavedDraft:
    """Return a draft with its settings and figures."""
    draft = _found(services, domain.name, name)
    plan = drafts.draft_of_plan(services.home, domain.name)
    return SavedDraft(**in_domain(generation, domain), draft=_shown(draft, plan))


@router.get("/{name}/customers", summary="List a draft's customers", dependencies=[Reads])
def read_draft_customers(
    services: App,
    generation: Published,
    domain: InDomain,
    name: Name,
    query: Annotated[DraftCustomersQuery, Query()],
) -> DraftCustomers:
    """Return whom the draft would contact and hold out, as computed when it was saved.

    Customers who were suppressed since then are left out.
    """
    draft = _found(services, domain.name, name)
    suppressed = {customer for (of, customer) in generation.today.suppressed if of == domain.name}
    try:
        found, following = read_kept(
            query,
            list_id("draft", domain.name, draft.draft_id, query.decision),
            lambda after, limit: drafts.read_draft_customers(
                services.home, draft, query.decision or ["treat", "hold_out"], after, limit
            ),
            lambda row: str(row["customer_id"]),
        )
    except ChurnError as gone:
        raise ProblemError(410, "draft-customers-gone", str(gone)) from gone
    items = [
        DraftCustomer(**(row | {"due_on": None if row["due_on"] is None else str(row["due_on"])}))
        for row in found
        if row["customer_id"] not in suppressed
    ]
    return DraftCustomers(
        **in_domain(generation, domain),
        draft_id=draft.draft_id,
        items=items,
        next_cursor=following,
    )


@router.post(
    "/{name}/approval",
    summary="Approve a draft of a plan",
    dependencies=[Approves],
    response_model_exclude_defaults=True,
    responses={409: {"description": "It has been saved again since; review it first."}},
)
def approve_draft(
    services: App,
    generation: Published,
    domain: InDomain,
    by: Author,
    name: Name,
    draft_id: Annotated[
        str, Query(description="Id of the version that was looked at.", max_length=64)
    ],
) -> SavedDraft:
    """Make a draft the plan, from the next publish on.

    Customers who were drawn earlier in the period keep their arm, so the published plan may
    contact fewer customers than the draft says.
    """
    draft = _found(services, domain.name, name)
    try:
        if draft.draft_id != draft_id:
            raise ChurnError(f"The draft {name} has been saved again since.")
        approved = drafts.approve_draft(services.home, draft, by)
    except ChurnError as changed:
        raise ProblemError(409, "draft-changed", f"{changed} Review it first.") from changed
    return SavedDraft(**in_domain(generation, domain), draft=_shown(approved, approved.draft_id))


@router.delete("/{name}", summary="Delete a draft of a plan", dependencies=[Plans])
def forget_draft(
    services: App, generation: Published, domain: InDomain, by: Author, name: Name
) -> ForgottenDraft:
    """Delete a draft. Idempotent; a plan that it became stays."""
    forgotten = int(drafts.forget_draft(services.home, domain.name, name, by))
    return ForgottenDraft(**in_domain(generation, domain), forgotten=forgotten)


def _found(services: App, domain: str, name: str) -> Draft:
    draft = drafts.find_draft(services.home, domain, name)
    if draft is None:
        raise ProblemError(404, "unknown-draft", f"{domain} has no draft {name!r}.")
    return draft


def shown_filter(choice: PlanChoice) -> PlanFilter:
    """Return a plan's choice as the filter that asks for it."""
    chosen = choice.as_json()
    if "is_at_risk" in chosen:
        chosen["at_risk"] = chosen.pop("is_at_risk")
    chosen = {name: list(v) if isinstance(v, tuple) else v for name, v in chosen.items()}
    return PlanFilter(**chosen)


def _shown(draft: Draft, plan: str | None) -> KeptDraft:
    return KeptDraft(
        draft_id=draft.draft_id,
        name=draft.name,
        budget=draft.budget_cents / 100,
        holdout=None if draft.holdout_per_mille is None else draft.holdout_per_mille / 1000,
        filter=shown_filter(draft.choice),
        figures=draft.figures,
        generation=draft.generation,
        as_of_date=str(draft.as_of_date),
        made_by=draft.made_by,
        made_at=draft.made_at.replace(tzinfo=UTC),
        approved_by=draft.approved_by,
        approved_at=None if draft.approved_at is None else draft.approved_at.replace(tzinfo=UTC),
        is_plan=plan is not None and plan == draft.draft_id,
    )
