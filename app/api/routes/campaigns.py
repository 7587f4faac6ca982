"""Campaigns: drafted, previewed, launched, and read; and messages that did not reach the CRM."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from app.api.dependencies import App, Approves, Author, InDomain, OnlyOnce, Plans, Published, Reads
from app.api.http.bodies import StrictBody, Text
from app.api.http.problems import ProblemError
from app.api.published.answers import DomainAnswer, in_domain
from app.api.published.lists import ListQuery, list_id, read_kept
from app.api.routes.drafts import shown_filter
from app.api.routes.plans import PlanFilter, plan_choice
from app.api.services import Services
from app.audience_members import audience_members
from pipeline.campaigns import life_cycle, outbox
from pipeline.campaigns.life_cycle import Campaign, CampaignSettings, NoCampaignError, Status
from pipeline.campaigns.period_use import BeyondPeriodError
from pipeline.campaigns.playbooks import NoPlaybookError
from pipeline.project.errors import ChurnError

router = APIRouter(prefix="/v1/{domain}", tags=["campaigns"])

Name = Annotated[
    Text,
    Path(
        max_length=100,
        pattern="^[^/]+$",
        description="Name of the campaign; case-sensitive, without `/`.",
        examples=["spring offers"],
    ),
]


class CampaignBody(StrictBody):
    """Settings of a campaign."""

    budget: Annotated[
        float,
        Field(
            ge=0,
            le=1e12,
            strict=True,
            description="What its contacts may cost, in the domain's currency.",
            examples=[1500],
        ),
    ]
    holdout: Annotated[
        float | None,
        Field(
            ge=0,
            le=0.5,
            strict=True,
            description="Share held out of those it draws; what the period requires if omitted.",
        ),
    ] = None
    explore: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            strict=True,
            description="Share of members whose action is drawn among those offered.",
        ),
    ] = 0.03
    filter: Annotated[
        PlanFilter | None, Field(description="Whom it is for and what it may use; all if omitted.")
    ] = None
    audience: Annotated[
        Text | None,
        Field(max_length=100, description="Saved audience that it is for; everybody if omitted."),
    ] = None
    destination: Annotated[
        str,
        Field(
            max_length=50,
            description="Where its messages go: the name of an endpoint, `csv` or `parquet`. "
            "Endpoints are added with `churn endpoints add`.",
        ),
    ] = "csv"


class ChannelFigures(BaseModel):
    """A channel of limited capacity in the period."""

    channel: str = Field(description="Channel.")
    capacity: int = Field(description="Contacts that it carries in the period.")
    left: int = Field(description="Those that are left for this campaign.")
    needed: int = Field(description="Those that this campaign takes, both arms.")


class CampaignFigures(BaseModel):
    """What a campaign costs, brings and can show: expected at the preview or at the launch."""

    customers: int = Field(description="Members, both arms.")
    treat: int = Field(description="Members to contact.")
    control: int = Field(description="Members held out.")
    fixed_treat: int = Field(description="Of those to contact, assigned by the period before.")
    fixed_control: int = Field(description="Of those held out, assigned by the period before.")
    cooling: int = Field(description="Of those to contact, contacted too lately for a message.")
    messages: int = Field(description="Messages that the launch makes.")
    explored: int = Field(description="Members whose action is drawn among those offered.")
    expected_cost: float = Field(description="What the messages cost.")
    expected_profit: float = Field(description="What they earn.")
    expected_true_positives: float = Field(
        description="Of those who get a message, how many would leave without it."
    )
    expected_false_positives: float = Field(
        description="Of those who get a message, how many would stay anyway."
    )
    suppressed: int = Field(description="Left out: must not be contacted.")
    in_another_campaign: int = Field(description="Left out: in a campaign that is under way.")
    cool_down: int = Field(description="Left out: contacted lately.")
    never_treated: int = Field(description="Left out: in the permanent control group.")
    not_chosen: int = Field(description="Left out: no action pays within the budget.")
    churn_without: float | None = Field(
        description="Share of members expected to leave if nobody is contacted."
    )
    expected_effect: float | None = Field(
        description="By how much contacting is expected to lower it."
    )
    smallest_effect: float | None = Field(
        description="Smallest effect that this campaign finds in 80 of 100 cases; null without a "
        "control group."
    )
    rounds: int | None = Field(
        description="Campaigns of this size that it takes to show the expected effect."
    )
    members_hash: str = Field(description="Hash of members, arms and actions.")
    generation: str = Field(description="Generation that it is computed from.")
    as_of_date: date = Field(description="Cut-off of its scores.")
    period_start: date = Field(description="First day of the period whose arms it takes.")
    period_end: date = Field(description="Day after the period's last.")
    period_budget: float | None = Field(
        description="Budget of the period; null, as the next ones, for a campaign from before "
        "periods were counted."
    )
    period_contacts: float | None = Field(description="Of it, for contacts that were reported.")
    period_campaigns: float | None = Field(
        description="Of it, for messages of campaigns that were delivered or are still to be sent."
    )
    period_control: float | None = Field(
        description="Of it, what other control groups stand for; it is not spent on others."
    )
    period_plan: float | None = Field(
        description="Of it, for customers whom the published plan contacts and no campaign has."
    )
    period_left: float | None = Field(
        description="Of it, what is left for this campaign; a launch beyond it is refused."
    )
    period_needed: float | None = Field(description="What this campaign takes, both arms.")
    channels: list[ChannelFigures] = Field(description="Channels of limited capacity.")


class KeptCampaign(BaseModel):
    """A campaign."""

    campaign_id: str = Field(description="Id; a draft that is saved again gets another one.")
    name: str = Field(description="Name.")
    status: Status = Field(
        description="draft, running, paused, finished by somebody, or stopped by its receiver."
    )
    budget: float = Field(description="What its contacts may cost.")
    holdout: float | None = Field(description="Share held out of those it draws.")
    explore: float = Field(description="Share of members whose action is drawn.")
    filter: PlanFilter = Field(description="Whom it is for and what it may use.")
    audience: str | None = Field(description="Saved audience that it is for.")
    destination: str = Field(description="Where its messages go.")
    made_by: str = Field(description="Who drafted it.")
    made_at: datetime = Field(description="When, UTC.")
    figures: CampaignFigures | None = Field(description="Null before the first preview.")
    members_hash: str | None = Field(description="Hash of the frozen members; null for a draft.")
    launched_by: str | None = Field(description="Who launched it.")
    launched_at: datetime | None = Field(description="When, UTC.")
    ended_by: str | None = Field(description="Who finished it.")
    ended_at: datetime | None = Field(description="When it ended, UTC.")
    ended_because: str | None = Field(description="Why it was stopped.")
    messages: dict[str, int] = Field(description="State of messages → how many there are.")


class CampaignList(DomainAnswer):
    """Campaigns, sorted by name."""

    items: list[KeptCampaign]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


class SavedCampaign(DomainAnswer):
    """A campaign."""

    campaign: KeptCampaign


class EarlySign(BaseModel):
    """How scores changed since the launch: an early sign, not an effect."""

    as_of_date: date = Field(
        description="Cut-off of the scores: the first one published 30 days after the launch."
    )
    score_change: float | None = Field(
        description="By how much the mean churn probability of those to contact changed more than "
        "the control group's, as assigned; below 0 is better. Null if they cannot be compared."
    )
    ci_low: float | None = Field(description="Lower limit of its 95 % interval.")
    ci_high: float | None = Field(description="Upper limit.")
    is_effect: Annotated[
        Literal[False],
        Field(description="Never: a score is not an outcome. The effect comes with the outcomes."),
    ] = False


class GlobalLift(BaseModel):
    """Effect times coverage: by how much more of all scored customers stayed."""

    customers_scored: int = Field(description="Customers scored where the members were chosen.")
    coverage: float = Field(description="Share of them that the campaign was to contact.")
    lift: float | None = Field(description="Null if the effect cannot be told.")
    ci_low: float | None = Field(description="Lower limit of its 95 % interval.")
    ci_high: float | None = Field(description="Upper limit.")


class CampaignResult(BaseModel):
    """What a launched campaign changed, as published."""

    verdict: str = Field(
        description="helped, harmed, not_told, decide_now, wait, no_control or not_comparable."
    )
    failed_check: str | None = Field(description="What made the groups not comparable.")
    outcomes_known: int = Field(description="Members whose outcome is known.")
    closes_on: date | None = Field(description="Day on which the last outcome is known.")
    effect: float | None = Field(
        description="Share that stayed among those to contact less the control group's, as "
        "assigned; null if it cannot be told."
    )
    ci_low: float | None = Field(description="Lower limit of its 95 % interval.")
    ci_high: float | None = Field(description="Upper limit.")
    customers_kept: float | None = Field(description="Effect times the members to contact.")
    incremental_revenue: float | None = Field(
        description="What those to contact paid more than the control group."
    )
    incremental_profit: float | None = Field(
        description="Its margin less the cost of delivered messages."
    )
    global_lift: GlobalLift | None = Field(
        description="Null where it is not known how many customers were scored."
    )
    early_sign: EarlySign | None = Field(
        description="Null until 30 days after the launch, and once the outcome is known."
    )


class ReadResult(DomainAnswer):
    """What a campaign changed."""

    campaign_id: str = Field(description="Id of the campaign.")
    result: CampaignResult | None = Field(
        description="Null for a draft, and until the publish after the launch."
    )


class ListedMember(BaseModel):
    """A member as the launch froze it."""

    customer_id: str = Field(description="Customer.")
    arm: Literal["treat", "control"] = Field(description="treat, or control.")
    is_fixed: bool = Field(description="The period had drawn the arm before.")
    draw: int = Field(description="Thousandths of the hash; control below the hold-out.")
    holdout_per_mille: int = Field(description="Thousandths held out when the arm was drawn.")
    action_id: str = Field(description="Action, also of the control group.")
    channel: str = Field(description="Its channel.")
    is_explored: bool = Field(description="The action was drawn among those offered.")
    action_probability: float = Field(description="Probability with which it was chosen.")
    is_cooling: bool = Field(description="Contacted too lately for a message.")
    risk_band: str = Field(description="Risk band at the launch.")
    churn_probability: float = Field(description="Churn probability at the launch.")
    customer_value: float | None = Field(description="Customer value at the launch.")


class MemberList(DomainAnswer):
    """Members of a campaign, sorted by id."""

    campaign_id: str = Field(description="Id of the campaign.")
    items: list[ListedMember]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


class ListedDeadLetter(BaseModel):
    """A message that was given up."""

    message_id: str = Field(description="Its id, which a replay keeps.")
    campaign: str = Field(description="Name of its campaign.")
    customer_id: str = Field(description="Whom it is about.")
    destination: str = Field(description="Endpoint.")
    attempts: int = Field(description="Attempts that failed.")
    ended_at: datetime = Field(description="When it was given up, UTC.")
    ended_because: str = Field(description="Why.")
    can_be_replayed: bool = Field(description="Its content is kept for 30 days.")


class DeadLetterList(DomainAnswer):
    """Messages that were given up and not replayed, sorted by id."""

    items: list[ListedDeadLetter]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


class ReplayBody(StrictBody):
    """Which messages to send again; at least one field."""

    messages: Annotated[
        list[Annotated[str, Field(max_length=100)]] | None,
        Field(min_length=1, max_length=1_000, description="Ids; all of the range if omitted."),
    ] = None
    since: Annotated[datetime | None, Field(description="Given up since then.")] = None
    until: Annotated[datetime | None, Field(description="Given up before then.")] = None


class Replayed(DomainAnswer):
    """Result of a replay."""

    replayed: int = Field(description="Messages that are sent again.")


REFUSED: dict[int | str, dict[str, Any]] = {
    404: {"description": "There is no such campaign."},
    409: {"description": "The campaign cannot do this now; `detail` says why."},
}
_COMPUTED: dict[int | str, dict[str, Any]] = {
    **REFUSED,
    503: {"description": "Another plan is being computed; try again."},
}


@router.get("/campaigns", summary="List campaigns", dependencies=[Reads])
def list_campaigns(
    services: App, generation: Published, domain: InDomain, query: Annotated[ListQuery, Query()]
) -> CampaignList:
    """Return drafts and campaigns with their figures."""
    found, following = read_kept(
        query,
        list_id("campaigns", domain.name),
        lambda after, limit: life_cycle.read_campaigns(services.home, domain.name, after, limit),
        lambda one: one.name,
    )
    items = [shown(services, one) for one in found]
    return CampaignList(**in_domain(generation, domain), items=items, next_cursor=following)


@router.put(
    "/campaigns/{name}",
    summary="Save a draft of a campaign",
    dependencies=[Plans],
    responses=REFUSED,
)
def draft_campaign(
    services: App,
    generation: Published,
    domain: InDomain,
    by: Author,
    name: Name,
    body: CampaignBody,
) -> SavedCampaign:
    """Save a draft in place of one of that name. Nobody is drawn or contacted."""
    choice = plan_choice(generation, domain, body.filter or PlanFilter())
    settings = CampaignSettings(
        name, body.budget, body.holdout, body.explore, choice, body.audience, body.destination
    )
    with told():
        if body.audience is not None:
            audience_members(services.home, domain.name, body.audience)
        saved = life_cycle.draft_campaign(services.home, domain.name, settings, by)
    return SavedCampaign(**in_domain(generation, domain), campaign=shown(services, saved))


@router.get(
    "/campaigns/{name}",
    summary="Get a campaign",
    dependencies=[Reads],
    responses={404: REFUSED[404]},
)
def read_campaign(
    services: App, generation: Published, domain: InDomain, name: Name
) -> SavedCampaign:
    """Return a campaign with its figures and the states of its messages."""
    with told():
        found = life_cycle.find_campaign(services.home, domain.name, name)
    return SavedCampaign(**in_domain(generation, domain), campaign=shown(services, found))


@router.get(
    "/campaigns/{name}/members",
    summary="List a campaign's members",
    dependencies=[Reads],
    responses={404: REFUSED[404]},
)
def read_members(
    services: App,
    generation: Published,
    domain: InDomain,
    name: Name,
    query: Annotated[ListQuery, Query()],
) -> MemberList:
    """Return members with arms and actions as the launch froze them; none for a draft."""
    with told():
        found = life_cycle.find_campaign(services.home, domain.name, name)
    rows, following = read_kept(
        query,
        list_id("members", found.campaign_id),
        lambda after, limit: life_cycle.read_members(
            services.home, found.campaign_id, after, limit
        ),
        lambda row: str(row["customer_id"]),
    )
    items = [ListedMember(**{key: row[key] for key in ListedMember.model_fields}) for row in rows]
    return MemberList(
        **in_domain(generation, domain),
        campaign_id=found.campaign_id,
        items=items,
        next_cursor=following,
    )


@router.get(
    "/campaigns/{name}/result",
    summary="Get a campaign's result",
    dependencies=[Reads],
    responses={404: REFUSED[404]},
)
def read_result(services: App, generation: Published, domain: InDomain, name: Name) -> ReadResult:
    """Return what a campaign changed as the last publish measured it, or why it cannot be told."""
    with told():
        found = life_cycle.find_campaign(services.home, domain.name, name)
    rows: list[dict[str, Any]] = []
    # published before there were campaigns
    if generation.rows(
        "select 1 as x from duckdb_tables() where table_name = 'bi_campaigns' "
        "and schema_name = 'serving'",
        [],
    ):
        rows = generation.rows(
            "select * from serving.bi_campaigns where domain = ? and campaign_id = ?",
            [domain.name, found.campaign_id],
        )
    return ReadResult(
        **in_domain(generation, domain),
        campaign_id=found.campaign_id,
        result=_result(rows[0]) if rows else None,
    )


def _result(row: dict[str, Any]) -> CampaignResult:
    told_of = {name: row[name] for name in CampaignResult.model_fields if name in row}
    # published before they were measured, a row lacks them
    scored, early_on = row.get("customers_scored"), row.get("early_sign_on")
    return CampaignResult(
        **{
            **told_of,
            "verdict": row["verdict_code"],
            "global_lift": None
            if scored is None
            else GlobalLift(
                customers_scored=scored,
                coverage=row["coverage"],
                lift=row["global_lift"],
                ci_low=row["global_lift_low"],
                ci_high=row["global_lift_high"],
            ),
            "early_sign": None
            if early_on is None
            else EarlySign(
                as_of_date=early_on,
                score_change=row["early_sign"],
                ci_low=row["early_sign_low"],
                ci_high=row["early_sign_high"],
            ),
        }
    )


@router.post(
    "/campaigns/{name}/preview",
    summary="Preview a campaign",
    dependencies=[Plans],
    responses=_COMPUTED,
)
def preview_campaign(
    services: App, generation: Published, domain: InDomain, name: Name
) -> SavedCampaign:
    """Compute what a draft would cost, bring and show on what is published now."""
    with told(), _planning(services):
        found = life_cycle.preview_campaign(
            services.home,
            domain.name,
            name,
            lambda audience: audience_members(services.home, domain.name, audience),
        )
    return SavedCampaign(**in_domain(generation, domain), campaign=shown(services, found))


@router.post(
    "/campaigns/{name}/launch",
    summary="Launch a campaign",
    dependencies=[Approves],
    response_model=SavedCampaign,
    responses=_COMPUTED,
)
async def launch_campaign(
    services: App,
    generation: Published,
    domain: InDomain,
    by: Author,
    once: OnlyOnce,
    name: Name,
    campaign_id: Annotated[
        str, Query(description="Id of the draft that was looked at.", max_length=64)
    ],
) -> Response:
    """Freeze members, arms and actions, and queue the messages; `churn dispatch` sends them.

    The draft must have been previewed on what is published now.
    """

    def work(_: str) -> BaseModel:
        with told(), _planning(services):
            draft = life_cycle.find_campaign(services.home, domain.name, name)
            if draft.campaign_id != campaign_id:
                raise ProblemError(
                    409, "campaign-changed", f"{name} has been saved again since. Review it first."
                )
            launched = life_cycle.launch_campaign(
                services.home,
                domain.name,
                name,
                lambda audience: audience_members(services.home, domain.name, audience),
                by,
            )
        return SavedCampaign(**in_domain(generation, domain), campaign=shown(services, launched))

    return await once(work)


@router.post(
    "/campaigns/{name}/pause",
    summary="Pause a campaign",
    dependencies=[Approves],
    responses=REFUSED,
)
def pause_campaign(
    services: App, generation: Published, domain: InDomain, by: Author, name: Name
) -> SavedCampaign:
    """Hold back what was not sent yet. Idempotent."""
    with told():
        found = life_cycle.pause_campaign(services.home, domain.name, name, by)
    return SavedCampaign(**in_domain(generation, domain), campaign=shown(services, found))


@router.post(
    "/campaigns/{name}/resume",
    summary="Resume a campaign",
    dependencies=[Approves],
    responses=REFUSED,
)
def resume_campaign(
    services: App, generation: Published, domain: InDomain, by: Author, name: Name
) -> SavedCampaign:
    """Let a paused campaign send again. Idempotent."""
    with told():
        found = life_cycle.resume_campaign(services.home, domain.name, name, by)
    return SavedCampaign(**in_domain(generation, domain), campaign=shown(services, found))


@router.post(
    "/campaigns/{name}/finish",
    summary="Finish a campaign",
    dependencies=[Approves],
    responses=REFUSED,
)
def finish_campaign(
    services: App, generation: Published, domain: InDomain, by: Author, name: Name
) -> SavedCampaign:
    """End a campaign; what was not sent is stopped. Idempotent."""
    with told():
        found = life_cycle.finish_campaign(services.home, domain.name, name, by)
    return SavedCampaign(**in_domain(generation, domain), campaign=shown(services, found))


@router.get("/dead-letters", summary="List messages given up", dependencies=[Reads])
def list_dead_letters(
    services: App, generation: Published, domain: InDomain, query: Annotated[ListQuery, Query()]
) -> DeadLetterList:
    """Return messages that did not reach their endpoint and were not replayed."""
    found, following = read_kept(
        query,
        list_id("dead-letters", domain.name),
        lambda after, limit: outbox.read_dead_letters(services.home, domain.name, after, limit),
        lambda one: one.message_id,
    )
    items = [
        ListedDeadLetter(
            **{key: value for key, value in asdict(one).items() if key != "replay"}
            | {"ended_at": one.ended_at.replace(tzinfo=UTC)}
        )
        for one in found
    ]
    return DeadLetterList(**in_domain(generation, domain), items=items, next_cursor=following)


@router.post(
    "/dead-letters/replays",
    summary="Replay messages given up",
    dependencies=[Approves],
    response_model=Replayed,
    responses={409: {"description": "A message cannot be replayed; `detail` says why."}},
)
async def replay_dead_letters(
    services: App,
    generation: Published,
    domain: InDomain,
    by: Author,
    once: OnlyOnce,
    body: ReplayBody,
) -> Response:
    """Send messages again with the ids that they had: those named, or a range of times."""

    def work(_: str) -> BaseModel:
        with told():
            if body == ReplayBody():
                raise ChurnError("Name messages, or a range of times.")
            count = outbox.replay(
                services.home,
                domain.name,
                by,
                messages=body.messages,
                since=_naive(body.since),
                until=_naive(body.until),
            )
        return Replayed(**in_domain(generation, domain), replayed=count)

    return await once(work)


@contextmanager
def told() -> Iterator[None]:
    """Turn what a campaign refuses into a problem.

    Raises:
        ProblemError: 404, there is no such campaign; 409, anything else that it refuses.
    """
    try:
        yield
    except NoCampaignError as missing:
        raise ProblemError(404, "unknown-campaign", missing.what) from missing
    except NoPlaybookError as missing:
        raise ProblemError(404, "unknown-playbook", missing.what) from missing
    except ChurnError as refused:
        words = " ".join(filter(None, (refused.what, refused.hint)))
        kind = "beyond-period" if isinstance(refused, BeyondPeriodError) else "campaign-refused"
        raise ProblemError(409, kind, words) from refused


@contextmanager
def _planning(services: Services) -> Iterator[None]:
    """Compute one plan at a time.

    Raises:
        ProblemError: 503, another one is being computed.
    """
    if not services.planner.acquire(blocking=False):
        raise ProblemError(
            503,
            "busy",
            "Another plan is being computed. Try again in a few seconds.",
            headers={"Retry-After": "5"},
        )
    try:
        yield
    finally:
        services.planner.release()


def shown(services: Services, one: Campaign) -> KeptCampaign:
    """Return a campaign as an answer has it."""
    return KeptCampaign(
        campaign_id=one.campaign_id,
        name=one.name,
        status=one.status,
        budget=one.budget_cents / 100,
        holdout=None if one.holdout_per_mille is None else one.holdout_per_mille / 1000,
        explore=one.explore_per_mille / 1000,
        filter=shown_filter(one.choice),
        audience=one.audience,
        destination=one.destination,
        made_by=one.made_by,
        made_at=one.made_at.replace(tzinfo=UTC),
        figures=None if one.forecast is None else CampaignFigures(**asdict(one.forecast)),
        members_hash=one.members_hash,
        launched_by=one.launched_by,
        launched_at=_aware(one.launched_at),
        ended_by=one.ended_by,
        ended_at=_aware(one.ended_at),
        ended_because=one.ended_because,
        messages=life_cycle.count_messages(services.home, one.campaign_id),
    )


def _aware(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def _naive(at: datetime | None) -> datetime | None:
    if at is None:
        return None
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
