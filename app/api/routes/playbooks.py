"""Playbooks: settings of campaigns under a name, what they achieved, and drafts from them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api.dependencies import App, Author, InDomain, Plans, Published, Reads
from app.api.http.bodies import StrictBody, Text
from app.api.published.answers import DomainAnswer, in_domain
from app.api.routes.campaigns import REFUSED, Name, SavedCampaign, shown, told
from app.api.routes.drafts import shown_filter
from app.api.routes.plans import PlanFilter
from app.audience_members import audience_members
from pipeline.campaigns import life_cycle, playbooks
from pipeline.campaigns.playbooks import Playbook

router = APIRouter(prefix="/v1/{domain}", tags=["campaigns"])


class PlaybookBody(StrictBody):
    """What a playbook is made of."""

    campaign: Annotated[
        Text, Field(max_length=100, description="Draft or campaign whose settings it keeps.")
    ]


class PlaybookDraftBody(StrictBody):
    """What a draft from a playbook is given beside its settings."""

    campaign: Annotated[
        Text, Field(max_length=100, pattern="^[^/]+$", description="Name of the draft.")
    ]
    budget: Annotated[
        float | None,
        Field(
            ge=0,
            le=1e12,
            strict=True,
            description="What its contacts may cost; the playbook's if omitted.",
        ),
    ] = None
    destination: Annotated[
        str, Field(max_length=50, description="Where its messages go; `csv` if omitted.")
    ] = "csv"


class Achieved(BaseModel):
    """What the campaigns with the settings of a playbook achieved, as published."""

    risk_band: str = Field(description="Risk band of the members, or `all`.")
    campaigns: int = Field(description="Campaigns whose outcomes are all known.")
    customers_treated: int = Field(description="Members to contact.")
    customers_control: int = Field(description="Members in the control group.")
    save_rate: float | None = Field(description="Share kept of those who would leave.")
    ci_low: float | None = Field(description="Lower limit of its 95 % interval.")
    ci_high: float | None = Field(description="Upper limit.")


class KeptPlaybook(BaseModel):
    """A playbook: settings of campaigns under a name."""

    playbook_id: str = Field(description="Id; one that is saved again gets another one.")
    name: str = Field(description="Name.")
    budget: float = Field(description="What the contacts of a campaign may cost.")
    holdout: float | None = Field(description="Share held out of those it draws.")
    explore: float = Field(description="Share of members whose action is drawn.")
    filter: PlanFilter = Field(description="Whom it is for and what it may use.")
    audience: str | None = Field(description="Saved audience that it is for.")
    made_by: str = Field(description="Who saved it.")
    made_at: datetime = Field(description="When, UTC.")
    campaigns: list[str] = Field(description="Campaigns with its settings.")
    achieved: list[Achieved] = Field(
        description="All members first, then each risk band; none until outcomes are known."
    )


class PlaybookList(DomainAnswer):
    """Playbooks, sorted by name; at most 100."""

    items: list[KeptPlaybook]


class DeletedPlaybook(DomainAnswer):
    """Result of a deletion."""

    deleted: int = Field(description="Playbooks deleted: one, or none if there was none.")


class SavedPlaybook(DomainAnswer):
    """A playbook."""

    playbook: KeptPlaybook


@router.get("/playbooks", summary="List playbooks", dependencies=[Reads])
def list_playbooks(services: App, generation: Published, domain: InDomain) -> PlaybookList:
    """Return playbooks with the save rate that their campaigns achieved."""
    rates = playbooks.achieved(generation.rows, domain.name)
    items = [
        _playbook(one, rates.get(one.playbook_id, ()))
        for one in playbooks.read_playbooks(services.home, domain.name)
    ]
    return PlaybookList(**in_domain(generation, domain), items=items)


@router.put(
    "/playbooks/{name}",
    summary="Save a playbook",
    dependencies=[Plans],
    responses=REFUSED,
)
def save_playbook(
    services: App,
    generation: Published,
    domain: InDomain,
    by: Author,
    name: Name,
    body: PlaybookBody,
) -> SavedPlaybook:
    """Keep the settings of a draft or a launched campaign, in place of a playbook of that name."""
    with told():
        saved = playbooks.save_playbook(services.home, domain.name, name, body.campaign, by)
    return SavedPlaybook(**in_domain(generation, domain), playbook=_playbook(saved, ()))


@router.delete("/playbooks/{name}", summary="Delete a playbook", dependencies=[Plans])
def delete_playbook(
    services: App, generation: Published, domain: InDomain, by: Author, name: Name
) -> DeletedPlaybook:
    """Delete a playbook. Idempotent; its campaigns stay."""
    deleted = playbooks.delete_playbook(services.home, domain.name, name, by)
    return DeletedPlaybook(**in_domain(generation, domain), deleted=deleted)


@router.put(
    "/playbooks/{name}/draft",
    summary="Draft a campaign from a playbook",
    dependencies=[Plans],
    responses=REFUSED,
)
def draft_from_playbook(
    services: App,
    generation: Published,
    domain: InDomain,
    by: Author,
    name: Name,
    body: PlaybookDraftBody,
) -> SavedCampaign:
    """Save a draft with the playbook's settings, in place of one of that name."""
    with told():
        found = playbooks.find_playbook(services.home, domain.name, name)
        if found.audience is not None:
            audience_members(services.home, domain.name, found.audience)
        settings = found.settings(body.campaign, body.destination, body.budget)
        saved = life_cycle.draft_campaign(services.home, domain.name, settings, by)
        playbooks.note_use(services.home, found, saved)
    return SavedCampaign(**in_domain(generation, domain), campaign=shown(services, saved))


def _playbook(one: Playbook, rates: Sequence[Mapping[str, Any]]) -> KeptPlaybook:
    return KeptPlaybook(
        playbook_id=one.playbook_id,
        name=one.name,
        budget=one.budget_cents / 100,
        holdout=None if one.holdout_per_mille is None else one.holdout_per_mille / 1000,
        explore=one.explore_per_mille / 1000,
        filter=shown_filter(one.choice),
        audience=one.audience,
        made_by=one.made_by,
        made_at=one.made_at.replace(tzinfo=UTC),
        campaigns=list(one.campaigns),
        achieved=[Achieved(**{key: row[key] for key in Achieved.model_fields}) for row in rates],
    )
