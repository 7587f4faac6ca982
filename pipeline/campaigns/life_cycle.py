"""Drafts, previews, launches, pauses and finishes campaigns.

A launch freezes members, arms, actions and the generation in one transaction, before any outcome is
known, and keeps the arms that it draws as the period's. Nothing changes members later.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from pipeline.campaigns.forecast import Forecast, forecast
from pipeline.campaigns.members import (
    Asked,
    Chosen,
    choose_members,
    member_hash,
    published_name,
    read_standing,
    use_of_rest,
)
from pipeline.campaigns.messages import write_messages
from pipeline.campaigns.period_use import refuse_beyond
from pipeline.campaigns.tables import CAMPAIGNS, ENDPOINTS, MEMBERS, OUTBOX
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.state import reading_from
from pipeline.retention.audit import record
from pipeline.retention.decisions import ASSIGNMENTS, put, writing
from pipeline.retention.plan_choice import PlanChoice

Status = Literal["draft", "running", "paused", "finished", "stopped"]
# Destinations that are files.
FILES = ("csv", "parquet")
# Maximum of drafts and campaigns per domain, since people choose from a list.
MOST = 1_000
# Times that a launch chooses its members again when somebody decided something meanwhile.
_TRIES = 3
# Resolves the name of a saved audience to its customers.
Audience = Callable[[str], frozenset[str]]


@dataclass(frozen=True)
class Campaign:
    """A campaign.

    Attributes:
        campaign_id: Its id; a draft that is saved again gets another one.
        domain: Domain.
        name: Name, unique in the domain.
        status: draft, running, paused, finished by somebody, or stopped by its receiver.
        budget_cents: What its contacts may cost.
        holdout_per_mille: Thousandths held out of those it draws; None for what the period
            requires.
        explore_per_mille: Thousandths of members whose action is drawn among those offered.
        choice: Whom it is for and what it may use.
        audience: Name of the saved audience that it is for; None for no more than the choice.
        destination: Name of an endpoint, `csv` or `parquet`.
        made_by: Who drafted it.
        made_at: When, UTC.
        forecast: Figures of the last preview, of the launch once it is launched; None before.
        previewed_generation: Generation of the last preview.
        generation: Generation that it was launched on; None for a draft.
        run_id: Run of its scores.
        as_of_date: Cut-off of its scores.
        period_start: First day of the period whose arms it takes.
        period_end: Day after its last.
        members_hash: Hash of the frozen members.
        launched_by: Who launched it.
        launched_at: When, UTC.
        ended_by: Who finished it; None if its receiver stopped it.
        ended_at: When, UTC.
        ended_because: Why it was stopped.
    """

    campaign_id: str
    domain: str
    name: str
    status: Status
    budget_cents: int
    holdout_per_mille: int | None
    explore_per_mille: int
    choice: PlanChoice
    audience: str | None
    destination: str
    made_by: str
    made_at: datetime
    forecast: Forecast | None = None
    previewed_generation: str | None = None
    generation: str | None = None
    run_id: str | None = None
    as_of_date: date | None = None
    period_start: date | None = None
    period_end: date | None = None
    members_hash: str | None = None
    launched_by: str | None = None
    launched_at: datetime | None = None
    ended_by: str | None = None
    ended_at: datetime | None = None
    ended_because: str | None = None


@dataclass(frozen=True)
class CampaignSettings:
    """What a draft is made of.

    Attributes:
        name: Name, unique in the domain.
        budget: What its contacts may cost, in the domain's currency.
        holdout: Share held out of those it draws; None for what the period requires.
        explore: Share of members whose action is drawn among those offered.
        choice: Whom it is for and what it may use.
        audience: Name of a saved audience.
        destination: Name of an endpoint, `csv` or `parquet`.
    """

    name: str
    budget: float
    holdout: float | None = None
    explore: float = 0.03
    choice: PlanChoice = PlanChoice()  # noqa: RUF009 - frozen
    audience: str | None = None
    destination: str = "csv"


def draft_campaign(home: Home, domain: str, settings: CampaignSettings, by: str) -> Campaign:
    """Save a draft; one of that name is replaced.

    Raises:
        ChurnError: A campaign of that name was launched, its destination is not there, a setting
            is out of bounds, or there are too many campaigns.
    """
    _check(settings)
    row: dict[str, Any] = {
        "campaign_id": uuid4().hex,
        "domain": domain,
        "name": settings.name.strip(),
        "status": "draft",
        "budget_cents": round(100 * settings.budget),
        "holdout_per_mille": None if settings.holdout is None else round(1000 * settings.holdout),
        "explore_per_mille": round(1000 * settings.explore),
        "choice": json.dumps(settings.choice.as_json()),
        "audience": settings.audience,
        "destination": settings.destination,
        "made_by": by,
        "made_at": _now(),
        "files": 0,
    }
    with writing(home) as connection:
        _check_destination(connection, domain, settings.destination)
        there = _find(connection, domain, row["name"])
        if there is not None and there["status"] != "draft":
            raise ChurnError(
                f"{domain} has launched a campaign {row['name']!r} already.",
                hint="Choose another name: what was launched stays as it is.",
            )
        count = sa.select(sa.func.count()).where(CAMPAIGNS.c.domain == domain)
        if there is None and connection.execute(count).scalar_one() >= MOST:
            raise ChurnError(f"{domain} already has {MOST} campaigns, the maximum.")
        if there is not None:
            connection.execute(sa.delete(CAMPAIGNS).where(_is(there)))
        connection.execute(insert(CAMPAIGNS).values(row))
        record(connection, domain, "drafted a campaign", row["name"], by)
        return _campaign(_found(connection, domain, row["name"]))


def preview_campaign(home: Home, domain: str, name: str, audience: Audience) -> Campaign:
    """Compute what a draft would do on what is published now, and keep the figures.

    Raises:
        ChurnError: There is no such draft, or nothing is published that it can be made from.
    """
    with writing(home) as connection:
        row = _found(connection, domain, name)
        _must_be(row, ("draft",), "previewed")
        standing = read_standing(connection, domain, row["campaign_id"])
    chosen = choose_members(home, _asked(row, audience), standing)
    with writing(home) as connection:
        done = connection.execute(
            sa.update(CAMPAIGNS)
            .where(_is(row), CAMPAIGNS.c.status == "draft")
            .values(
                forecast=json.dumps(asdict(forecast(chosen))),
                previewed_generation=chosen.generation,
            )
        )
        if done.rowcount == 0:
            raise ChurnError(f"The draft {name} was changed meanwhile.", hint="Preview it again.")
        return _campaign(_found(connection, domain, name))


def launch_campaign(home: Home, domain: str, name: str, audience: Audience, by: str) -> Campaign:
    """Freeze the members of a draft with their arms and actions, and queue its messages.

    Raises:
        ChurnError: It was not previewed on what is published now, nobody is in it, its receiver is
            disabled, the period has too little left for it, or people decided faster than members
            could be chosen.
    """
    for _ in range(_TRIES):
        with writing(home) as connection:
            row = _found(connection, domain, name)
            _must_be(row, ("draft",), "launched")
            standing = read_standing(connection, domain, row["campaign_id"])
        if row["previewed_generation"] != published_name(home) or row["forecast"] is None:
            raise ChurnError(
                f"{name} was not previewed on what is published now.",
                hint="Preview it, look at the figures, then launch it.",
            )
        chosen = choose_members(home, _asked(row, audience), standing)
        if not chosen.members:
            raise ChurnError(
                f"Nobody is in {name}.",
                hint="Its preview says why customers are left out; widen the filter or the budget.",
            )
        if chosen.use is not None:
            refuse_beyond(chosen.use, name, domain)
        with writing(home) as connection:
            now = _found(connection, domain, name)
            # else arms, exclusions and what the period has left could be others than those that the
            # members were chosen by
            if (
                now["campaign_id"] == row["campaign_id"]
                and now["status"] == "draft"
                and read_standing(connection, domain, row["campaign_id"]) == standing
            ):
                _freeze(connection, row, chosen, by)
                return _campaign(_found(connection, domain, name))
    raise ChurnError(
        f"{name} was not launched: the state changed while its members were chosen.",
        hint="Launch it again.",
    )


def pause_campaign(home: Home, domain: str, name: str, by: str) -> Campaign:
    """Hold back the messages that were not sent yet; members stay members.

    Raises:
        ChurnError: There is no such campaign, or it does not run.
    """
    with writing(home) as connection:
        paused = {"status": "paused"}
        return _turn(connection, domain, name, ("running", "paused"), paused, by)


def resume_campaign(home: Home, domain: str, name: str, by: str) -> Campaign:
    """Let a paused campaign send again.

    Raises:
        ChurnError: There is no such campaign, it is not paused, its receiver is disabled, or the
            period has too little left for what it has not sent.
    """
    for _ in range(_TRIES):
        with writing(home) as connection:
            row = _found(connection, domain, name)
            _check_destination(connection, domain, row["destination"])
            _must_be(row, ("running", "paused"), "running")
            if row["status"] == "running":
                return _campaign(row)
            standing = read_standing(connection, domain, row["campaign_id"])
            rest = _not_sent(connection, row["campaign_id"])
        use = use_of_rest(home, domain, standing, rest) if rest else None
        if use is not None:
            refuse_beyond(use, name, domain)
        with writing(home) as connection:
            if read_standing(connection, domain, row["campaign_id"]) == standing:
                return _turn(connection, domain, name, ("running", "paused"), _RUNNING, by)
    raise ChurnError(
        f"{name} was not resumed: the state changed meanwhile.", hint="Resume it again."
    )


_RUNNING = {"status": "running"}


def _not_sent(connection: sa.Connection, campaign_id: str) -> list[dict[str, Any]]:
    found = (
        sa.select(MEMBERS.c.customer_id, MEMBERS.c.channel, MEMBERS.c.spend_cents)
        .join(
            OUTBOX,
            (MEMBERS.c.campaign_id == OUTBOX.c.campaign_id)
            & (MEMBERS.c.customer_id == OUTBOX.c.customer_id),
        )
        .where(OUTBOX.c.campaign_id == campaign_id, OUTBOX.c.state == "pending")
    )
    return [dict(row) for row in connection.execute(found).mappings()]


def finish_campaign(home: Home, domain: str, name: str, by: str) -> Campaign:
    """End a campaign: messages that were not sent are stopped, members are free for others.

    Raises:
        ChurnError: There is no such campaign, or it is a draft or stopped.
    """
    ended = {"status": "finished", "ended_by": by, "ended_at": _now()}
    with writing(home) as connection:
        return _turn(connection, domain, name, ("running", "paused", "finished"), ended, by)


def find_campaign(home: Home, domain: str, name: str) -> Campaign:
    """Return a campaign.

    Raises:
        ChurnError: There is no such campaign.
    """
    with reading_from(home) as connection:
        if connection is None:
            raise _no_campaign(domain, name)
        return _campaign(_found(connection, domain, name))


def read_campaigns(home: Home, domain: str, after: str = "", limit: int = MOST) -> list[Campaign]:
    """Return the campaigns of a domain after a name, by name."""
    with reading_from(home) as connection:
        if connection is None:
            return []
        found = (
            sa.select(CAMPAIGNS)
            .where(CAMPAIGNS.c.domain == domain, CAMPAIGNS.c.name > after)
            .order_by(CAMPAIGNS.c.name)
            .limit(limit)
        )
        return [_campaign(row) for row in connection.execute(found).mappings()]


def read_members(
    home: Home, campaign_id: str, after: str = "", limit: int | None = None
) -> list[dict[str, Any]]:
    """Return members after a customer, by customer: rows of `campaign_members`."""
    with reading_from(home) as connection:
        if connection is None:
            return []
        found = (
            sa.select(MEMBERS)
            .where(MEMBERS.c.campaign_id == campaign_id, MEMBERS.c.customer_id > after)
            .order_by(MEMBERS.c.customer_id)
            .limit(limit)
        )
        return [dict(row) for row in connection.execute(found).mappings()]


def count_messages(home: Home, campaign_id: str) -> dict[str, int]:
    """Return how many messages of a campaign are in which state; replays count as one."""
    with reading_from(home) as connection:
        if connection is None:
            return {}
        newest = (
            sa.select(OUTBOX.c.message_id, sa.func.max(OUTBOX.c.replay).label("replay"))
            .where(OUTBOX.c.campaign_id == campaign_id)
            .group_by(OUTBOX.c.message_id)
            .subquery()
        )
        found = (
            sa.select(OUTBOX.c.state, sa.func.count())
            .join(
                newest,
                (OUTBOX.c.message_id == newest.c.message_id) & (OUTBOX.c.replay == newest.c.replay),
            )
            .group_by(OUTBOX.c.state)
            .order_by(OUTBOX.c.state)
        )
        return {row[0]: row[1] for row in connection.execute(found)}


def stop_messages(connection: sa.Connection, campaign_id: str, because: str, at: datetime) -> None:
    """End the messages of a campaign that were not sent, in the transaction of the caller."""
    connection.execute(
        sa.update(OUTBOX)
        .where(OUTBOX.c.campaign_id == campaign_id, OUTBOX.c.state == "pending")
        .values(state="stopped", ended_at=at, ended_because=because, body=None)
    )


def _freeze(connection: sa.Connection, row: sa.RowMapping, chosen: Chosen, by: str) -> None:
    """Write members, arms, messages and the launch itself: all in this transaction."""
    domain, now = row["domain"], _now()
    _check_destination(connection, domain, row["destination"])
    drawn = [
        {
            "domain": domain,
            "period_start": chosen.period[0],
            "customer_id": member["customer_id"],
            "arm": member["arm"],
            "action_id": member["action_id"],
            "holdout_per_mille": member["holdout_per_mille"],
            "as_of_date": chosen.as_of_date,
            "run_id": chosen.run_id,
            "generation": chosen.generation,
            "planned_spend_cents": member["spend_cents"],
            "planned_profit_cents": member["profit_cents"],
            "assigned_at": now,
        }
        for member in chosen.members
        if not member["is_fixed"]
    ]
    put(connection, ASSIGNMENTS, insert(ASSIGNMENTS), drawn)
    members = [
        {**member, "campaign_id": row["campaign_id"], "member_hash": member_hash(member)}
        for member in chosen.members
    ]
    connection.execute(insert(MEMBERS), members)
    put(connection, OUTBOX, insert(OUTBOX), write_messages(dict(row), chosen, now))
    connection.execute(
        sa.update(CAMPAIGNS)
        .where(_is(row))
        .values(
            status="running",
            forecast=json.dumps(asdict(forecast(chosen))),
            generation=chosen.generation,
            run_id=chosen.run_id,
            as_of_date=chosen.as_of_date,
            period_start=chosen.period[0],
            period_end=chosen.period[1],
            cool_downs=json.dumps(dict(chosen.cool_downs)),
            members_hash=chosen.members_hash,
            launched_by=by,
            launched_at=now,
        )
    )
    record(connection, domain, "launched a campaign", row["name"], by)


_WORDS: Mapping[str, Any] = {
    "paused": "paused a campaign",
    "running": "resumed a campaign",
    "finished": "finished a campaign",
}


def _turn(
    connection: sa.Connection,
    domain: str,
    name: str,
    may: tuple[str, ...],
    values: dict[str, Any],
    by: str,
) -> Campaign:
    """Give a campaign another status, in the caller's transaction; it keeps one that it has."""
    status = values["status"]
    row = _found(connection, domain, name)
    _must_be(row, may, status)
    if row["status"] != status:
        connection.execute(sa.update(CAMPAIGNS).where(_is(row)).values(values))
        if status == "finished":
            stop_messages(connection, row["campaign_id"], "campaign finished", _now())
        record(connection, domain, _WORDS[status], name, by)
    return _campaign(_found(connection, domain, name))


def _must_be(row: sa.RowMapping, may: tuple[str, ...], become: str) -> None:
    if row["status"] not in may:
        raise ChurnError(
            f"The campaign {row['name']} is {row['status']} and cannot be {become}.",
            hint=f"Only one that is {' or '.join(may)} can.",
        )


def _check(settings: CampaignSettings) -> None:
    for name, value, most in (
        ("explore", settings.explore, 1.0),
        ("holdout", settings.holdout or 0.0, 0.5),
    ):
        if not 0 <= value <= most:
            raise ChurnError(f"{name} is {value}.", hint=f"Write a share from 0 to {most:g}.")
    if not 0 <= settings.budget <= 1e12:
        raise ChurnError(f"The budget is {settings.budget}.", hint="Write an amount of 0 or more.")
    if not settings.name.strip() or "/" in settings.name or len(settings.name) > 100:
        raise ChurnError(
            f"{settings.name[:100]!r} is not a name of a campaign.",
            hint="Write 1 to 100 characters without a slash.",
        )


def _check_destination(connection: sa.Connection, domain: str, destination: str) -> None:
    if destination in FILES:
        return
    row = connection.execute(
        sa.select(ENDPOINTS.c.status, ENDPOINTS.c.disabled_because).where(
            ENDPOINTS.c.domain == domain, ENDPOINTS.c.name == destination
        )
    ).one_or_none()
    if row is None:
        raise ChurnError(
            f"{domain} has no endpoint {destination!r}.",
            hint="Add it: churn endpoints add --domain D --name N --url U; or use csv or parquet.",
        )
    if row.status != "active":
        raise ChurnError(
            f"The endpoint {destination} is disabled: {row.disabled_because}.",
            hint=f"Once it works again: churn endpoints enable --domain {domain} "
            f"--name {destination}.",
        )


def _asked(row: sa.RowMapping, audience: Audience) -> Asked:
    return Asked(
        row["campaign_id"],
        row["domain"],
        row["budget_cents"],
        row["holdout_per_mille"],
        row["explore_per_mille"],
        PlanChoice.of_json(json.loads(row["choice"])),
        None if row["audience"] is None else audience(row["audience"]),
    )


def _is(row: sa.RowMapping) -> sa.ColumnElement[bool]:
    campaign_id: str = row["campaign_id"]
    return CAMPAIGNS.c.campaign_id == campaign_id


def _find(connection: sa.Connection, domain: str, name: str) -> sa.RowMapping | None:
    return (
        connection.execute(
            sa.select(CAMPAIGNS).where(CAMPAIGNS.c.domain == domain, CAMPAIGNS.c.name == name)
        )
        .mappings()
        .one_or_none()
    )


def _found(connection: sa.Connection, domain: str, name: str) -> sa.RowMapping:
    row = _find(connection, domain, name.strip())
    if row is None:
        raise _no_campaign(domain, name)
    return row


class NoCampaignError(ChurnError):
    """There is no campaign of that name."""


def _no_campaign(domain: str, name: str) -> ChurnError:
    return NoCampaignError(
        f"{domain} has no campaign {name!r}.",
        hint=f"churn campaign list --domain {domain} lists them.",
    )


def _campaign(row: sa.RowMapping) -> Campaign:
    kept = {name: row[name] for name in Campaign.__dataclass_fields__}
    figures = json.loads(row["forecast"]) if row["forecast"] else None
    return Campaign(
        **{
            **kept,
            "choice": PlanChoice.of_json(json.loads(row["choice"])),
            "forecast": None if figures is None else Forecast(**figures),
        }
    )


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
