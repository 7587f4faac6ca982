"""Leases messages to dispatchers, and keeps how each attempt ended.

A message is pending until it is delivered, dead, withheld or stopped, and stays that. A dispatcher
that is killed loses its leases after a while, and another one sends the same message with the same
id. What is decided about a customer counts until the moment of sending.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from pipeline.campaigns.life_cycle import stop_messages
from pipeline.campaigns.members import UNDER_WAY
from pipeline.campaigns.schedule import THROTTLING, delay_after, throttle_after, wait_asked
from pipeline.campaigns.send import Reply
from pipeline.campaigns.tables import ATTEMPTS, CAMPAIGNS, ENDPOINTS, MEMBERS, OUTBOX
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.state import reading_from, writing_to
from pipeline.retention.audit import record
from pipeline.retention.decisions import ASSIGNMENTS, CONTACTS, SUPPRESSIONS, writing

# An endpoint that gave nothing but failure for so long is disabled; longer than one message is
# tried, so that it takes more than one.
FAILING_FOR = timedelta(days=5)
# Contents of dead letters are kept for a replay for so long.
DEAD_KEPT = timedelta(days=30)
LEASE = timedelta(seconds=60)
GONE = 410


@dataclass(frozen=True)
class Leased:
    """A message that a worker may send.

    Attributes:
        message_id: Its id.
        replay: How many times it was replayed before.
        domain: Domain.
        campaign_id: Campaign.
        customer_id: Whom it is about.
        destination: Endpoint.
        body: What is sent.
        attempts: Attempts that failed.
        url: Where it goes.
        allows_private: Whether that may be an address of this machine or its network.
    """

    message_id: str
    replay: int
    domain: str
    campaign_id: str
    customer_id: str
    destination: str
    body: str
    attempts: int
    url: str
    allows_private: bool


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up.

    Attributes:
        message_id: Its id.
        replay: How many times it was replayed before.
        campaign: Name of its campaign.
        customer_id: Whom it is about.
        destination: Endpoint.
        attempts: Attempts that failed.
        ended_at: When it was given up, UTC.
        ended_because: Why.
        can_be_replayed: Its content is still kept.
    """

    message_id: str
    replay: int
    campaign: str
    customer_id: str
    destination: str
    attempts: int
    ended_at: datetime
    ended_because: str
    can_be_replayed: bool


def claim(
    engine: sa.Engine, worker: str, now: datetime, limit: int, lease: timedelta = LEASE
) -> list[tuple[str, int]]:
    """Lease messages that are due, those that wait longest first; return id and replay of each.

    Args:
        engine: The state.
        worker: Who leases them.
        now: Now, UTC without a zone.
        limit: Maximum number of messages.
        lease: How long nobody else gets them.
    """
    due = (
        sa.select(OUTBOX.c.message_id, OUTBOX.c.replay)
        .join(CAMPAIGNS, CAMPAIGNS.c.campaign_id == OUTBOX.c.campaign_id)
        .join(
            ENDPOINTS,
            (ENDPOINTS.c.domain == OUTBOX.c.domain) & (ENDPOINTS.c.name == OUTBOX.c.destination),
        )
        .where(
            OUTBOX.c.state == "pending",
            OUTBOX.c.next_at <= now,
            OUTBOX.c.lease_until.is_(None) | (OUTBOX.c.lease_until < now),
            CAMPAIGNS.c.status == "running",
            ENDPOINTS.c.status == "active",
            ENDPOINTS.c.throttled_until.is_(None) | (ENDPOINTS.c.throttled_until <= now),
        )
        .order_by(OUTBOX.c.next_at, OUTBOX.c.message_id)
        .limit(limit)
    )
    with writing_to(engine) as connection:
        found = [(row.message_id, row.replay) for row in connection.execute(due)]
        for one in found:
            connection.execute(
                sa.update(OUTBOX).where(_is(*one)).values(worker=worker, lease_until=now + lease)
            )
    return found


def take(
    engine: sa.Engine,
    worker: str,
    leased: tuple[str, int],
    now: datetime,
    today: date,
    lease: timedelta = LEASE,
) -> Leased | None:
    """Return a leased message right before it is sent; None if it may not be sent now.

    Args:
        engine: The state.
        worker: Who leased it.
        leased: Its id and replay.
        now: Now, UTC without a zone.
        today: Day by which cool-downs count.
        lease: How long the sending may take.
    """
    with writing_to(engine) as connection:
        row = _pending(connection, worker, leased)
        if row is None:
            return None
        if because := reason_to_withhold(connection, row, today):
            _end(connection, leased, "withheld", because, now)
            return None
        endpoint = connection.execute(sa.select(ENDPOINTS).where(_to(row))).mappings().one()
        status: str = connection.execute(
            sa.select(CAMPAIGNS.c.status).where(CAMPAIGNS.c.campaign_id == row["campaign_id"])
        ).scalar_one()
        throttled = endpoint["throttled_until"]
        if (
            status != "running"
            or endpoint["status"] != "active"
            or (throttled is not None and throttled > now)
        ):
            connection.execute(
                sa.update(OUTBOX).where(_is(*leased)).values(worker=None, lease_until=None)
            )
            return None
        connection.execute(sa.update(OUTBOX).where(_is(*leased)).values(lease_until=now + lease))
        return Leased(
            **{name: row[name] for name in Leased.__dataclass_fields__ if name in row},
            url=endpoint["url"],
            allows_private=endpoint["allows_private"],
        )


def settle(engine: sa.Engine, message: Leased, answer: Reply, now: datetime, chance: Random) -> str:
    """Keep how an attempt ended, and what follows from it; return the outcome.

    Args:
        engine: The state.
        message: The message that was sent.
        answer: What came of it.
        now: Now, UTC without a zone.
        chance: Source of the jitter.
    """
    with writing_to(engine) as connection:
        outcome = _follow(connection, message, answer, now, chance)
        log_attempt(connection, vars(message), answer, outcome, now)
    return outcome


def log_attempt(
    connection: sa.Connection, message: dict[str, Any], answer: Reply, outcome: str, now: datetime
) -> None:
    """Keep an attempt, without contents, in the transaction of the caller."""
    connection.execute(
        insert(ATTEMPTS).values(
            message_id=message["message_id"],
            replay=message["replay"],
            domain=message["domain"],
            destination=message["destination"],
            attempt=message["attempts"] + 1,
            at=now,
            status=answer.status,
            outcome=outcome,
            milliseconds=answer.milliseconds,
        )
    )


def reason_to_withhold(connection: sa.Connection, row: Any, today: date) -> str | None:
    """Return why a customer must not be messaged at this moment; None if nothing is against it.

    Args:
        connection: The transaction in which the message is taken.
        row: The row of the outbox.
        today: Day by which cool-downs count.
    """
    domain, customer = row["domain"], row["customer_id"]
    is_suppressed = connection.execute(
        sa.select(SUPPRESSIONS.c.reason).where(
            SUPPRESSIONS.c.domain == domain, SUPPRESSIONS.c.customer_id == customer
        )
    ).one_or_none()
    if is_suppressed is not None:
        return "do not contact"
    campaign = (
        connection.execute(
            sa.select(CAMPAIGNS.c.period_start, CAMPAIGNS.c.cool_downs, MEMBERS.c.arm)
            .join(MEMBERS, MEMBERS.c.campaign_id == CAMPAIGNS.c.campaign_id)
            .where(CAMPAIGNS.c.campaign_id == row["campaign_id"], MEMBERS.c.customer_id == customer)
        )
        .mappings()
        .one_or_none()
    )
    arm = connection.execute(
        sa.select(ASSIGNMENTS.c.arm).where(
            ASSIGNMENTS.c.domain == domain,
            ASSIGNMENTS.c.customer_id == customer,
            ASSIGNMENTS.c.period_start == (campaign and campaign["period_start"]),
        )
    ).scalar()
    if campaign is None or campaign["arm"] != "treat" or arm != "treat":
        return "control group"
    days = json.loads(campaign["cool_downs"])
    contacts: list[Any] = list(
        connection.execute(
            sa.select(CONTACTS.c.contacted_on, CONTACTS.c.action_id).where(
                CONTACTS.c.domain == domain, CONTACTS.c.customer_id == customer
            )
        )
    )
    for contacted_on, action in contacts:
        if contacted_on + timedelta(days=days.get(action, days[""])) > today >= contacted_on:
            return "contacted lately"
    return None


def expunge(engine: sa.Engine, now: datetime) -> None:
    """Delete contents of dead letters that were kept long enough."""
    with writing_to(engine) as connection:
        connection.execute(
            sa.update(OUTBOX)
            .where(
                OUTBOX.c.state == "dead",
                OUTBOX.c.body.is_not(None),
                OUTBOX.c.ended_at < now - DEAD_KEPT,
            )
            .values(body=None)
        )


def next_due(engine: sa.Engine) -> datetime | None:
    """Return when the next pending message of a running campaign is due; None without one."""
    found = (
        sa.select(sa.func.min(OUTBOX.c.next_at))
        .join(CAMPAIGNS, CAMPAIGNS.c.campaign_id == OUTBOX.c.campaign_id)
        .where(OUTBOX.c.state == "pending", CAMPAIGNS.c.status == "running")
    )
    with engine.connect() as connection:
        due: datetime | None = connection.execute(found).scalar()
    return due


def read_dead_letters(
    home: Home, domain: str, after: str = "", limit: int | None = None
) -> list[DeadLetter]:
    """Return dead letters that were not replayed, by message id, those after one."""
    with reading_from(home) as connection:
        if connection is None:
            return []
        found = (
            sa.select(OUTBOX, CAMPAIGNS.c.name.label("campaign"))
            .join(CAMPAIGNS, CAMPAIGNS.c.campaign_id == OUTBOX.c.campaign_id)
            .where(_dead(domain), OUTBOX.c.message_id > after)
            .order_by(OUTBOX.c.message_id)
            .limit(limit)
        )
        return [
            DeadLetter(
                row["message_id"],
                row["replay"],
                row["campaign"],
                row["customer_id"],
                row["destination"],
                row["attempts"],
                row["ended_at"],
                row["ended_because"],
                row["body"] is not None,
            )
            for row in connection.execute(found).mappings()
        ]


def replay(
    home: Home,
    domain: str,
    by: str | None = None,
    *,
    messages: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """Send dead letters again with the ids that they had; return how many.

    The dead letter stays as it is; the replay is a row of its own. Letters of campaigns that are
    not under way, and of endpoints that are disabled, are not replayed.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        by: Who asks for it.
        messages: Ids of messages; all if None.
        since: Only those given up since then, UTC without a zone.
        until: Only those given up before then.

    Raises:
        ChurnError: A message that is named is not a dead letter that can be replayed.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    found = (
        sa.select(OUTBOX)
        .join(CAMPAIGNS, CAMPAIGNS.c.campaign_id == OUTBOX.c.campaign_id)
        .join(
            ENDPOINTS,
            (ENDPOINTS.c.domain == OUTBOX.c.domain) & (ENDPOINTS.c.name == OUTBOX.c.destination),
        )
        .where(
            _dead(domain),
            OUTBOX.c.body.is_not(None),
            CAMPAIGNS.c.status.in_(UNDER_WAY),
            ENDPOINTS.c.status == "active",
        )
    )
    if since is not None:
        found = found.where(OUTBOX.c.ended_at >= since)
    if until is not None:
        found = found.where(OUTBOX.c.ended_at < until)
    with writing(home) as connection:
        rows = list(connection.execute(found).mappings())
        if messages is not None:
            rows = [row for row in rows if row["message_id"] in set(messages)]
            if missing := sorted(set(messages) - {row["message_id"] for row in rows}):
                raise ChurnError(
                    f"{missing[0]} cannot be replayed.",
                    hint="It is not a dead letter, its content is deleted, its campaign is over, "
                    "or its endpoint is disabled.",
                )
        for row in rows:
            again = {
                **row,
                "replay": row["replay"] + 1,
                "state": "pending",
                "attempts": 0,
                "next_at": now,
                "worker": None,
                "lease_until": None,
                "made_at": now,
                "ended_at": None,
                "ended_because": None,
            }
            connection.execute(insert(OUTBOX).values(again))
            # one copy of what was to be sent is enough
            connection.execute(
                sa.update(OUTBOX).where(_is(row["message_id"], row["replay"])).values(body=None)
            )
        if rows:
            record(connection, domain, "replayed messages", f"{len(rows):,} messages", by)
    return len(rows)


def deliver(connection: sa.Connection, key: tuple[str, int], now: datetime) -> None:
    """End a message as delivered, in the transaction of the caller; its content is deleted."""
    _end(connection, key, "delivered", None, now)


def withhold(connection: sa.Connection, key: tuple[str, int], because: str, now: datetime) -> None:
    """End a message as withheld, in the transaction of the caller."""
    _end(connection, key, "withheld", because, now)


def _follow(
    connection: sa.Connection, message: Leased, answer: Reply, now: datetime, chance: Random
) -> str:
    key = (message.message_id, message.replay)
    if answer.status is not None and 200 <= answer.status < 300:
        _end(connection, key, "delivered", None, now)
        _set_endpoint(connection, message, failing_since=None, throttled_until=None, throttles=0)
        return "delivered"
    if answer.status == GONE:
        _end(connection, key, "stopped", "endpoint gone", now)
        _gone(connection, message, now)
        return "gone"
    if answer.problem == "refused address":
        _end(connection, key, "dead", "refused address", now)
        return "refused address"
    because = answer.problem or f"HTTP {answer.status}"
    outcome = because
    asked = wait_asked(answer.retry_after, now)
    delay = delay_after(message.attempts + 1, chance)
    if delay is None:
        _end(connection, key, "dead", because, now)
    else:
        connection.execute(
            sa.update(OUTBOX)
            .where(_is(*key), OUTBOX.c.state == "pending")
            .values(
                attempts=message.attempts + 1,
                next_at=now + max(delay, asked or timedelta(0)),
                worker=None,
                lease_until=None,
            )
        )
    _failed(connection, message, answer, asked, now)
    return outcome


def _failed(
    connection: sa.Connection,
    message: Leased,
    answer: Reply,
    asked: timedelta | None,
    now: datetime,
) -> None:
    """Throttle an endpoint that asks for less; disable one that gives nothing but failure."""
    endpoint = connection.execute(sa.select(ENDPOINTS).where(_to(vars(message)))).mappings().one()
    values: dict[str, Any] = {"failing_since": endpoint["failing_since"] or now}
    if answer.status in THROTTLING:
        until = now + max(throttle_after(endpoint["throttles"]), asked or timedelta(0))
        earlier = endpoint["throttled_until"]
        # answers to what was sent side by side are one request for less
        if earlier is None or earlier <= now:
            values |= {"throttles": endpoint["throttles"] + 1}
        values |= {"throttled_until": max(until, earlier or until)}
    _set_endpoint(connection, message, **values)
    if endpoint["status"] == "active" and now - values["failing_since"] >= FAILING_FOR:
        because = f"nothing but failure for {FAILING_FOR.days} days"
        _disable(connection, message, because, now)
        connection.execute(
            sa.update(OUTBOX)
            .where(_sent_to(message), OUTBOX.c.state == "pending")
            .values(state="dead", ended_at=now, ended_because="endpoint disabled")
        )


def _gone(connection: sa.Connection, message: Leased, now: datetime) -> None:
    """Disable an endpoint that is gone, and stop the campaigns that send to it."""
    _disable(connection, message, "gone (HTTP 410)", now)
    done = connection.execute(
        sa.update(CAMPAIGNS)
        .where(
            CAMPAIGNS.c.domain == message.domain,
            CAMPAIGNS.c.destination == message.destination,
            CAMPAIGNS.c.status.in_(UNDER_WAY),
        )
        .values(status="stopped", ended_at=now, ended_because="its endpoint is gone (HTTP 410)")
        .returning(CAMPAIGNS.c.campaign_id, CAMPAIGNS.c.name)
    )
    stopped: list[Any] = list(done)
    for campaign_id, name in stopped:
        stop_messages(connection, campaign_id, "endpoint gone", now)
        record(connection, message.domain, "stopped a campaign", name, None)


def _disable(connection: sa.Connection, message: Leased, because: str, now: datetime) -> None:
    done = connection.execute(
        sa.update(ENDPOINTS)
        .where(_to(vars(message)), ENDPOINTS.c.status == "active")
        .values(status="disabled", disabled_at=now, disabled_because=because)
    )
    if done.rowcount:
        record(connection, message.domain, "disabled an endpoint", message.destination, None)


def _set_endpoint(connection: sa.Connection, message: Leased, **values: Any) -> None:
    connection.execute(sa.update(ENDPOINTS).where(_to(vars(message))).values(values))


def _end(
    connection: sa.Connection, key: tuple[str, int], state: str, because: str | None, now: datetime
) -> None:
    """End a message that is pending; its content stays only where it can be replayed."""
    values: dict[str, Any] = {
        "state": state,
        "ended_at": now,
        "ended_because": because,
        "worker": None,
        "lease_until": None,
    }
    if state == "dead":
        values["attempts"] = OUTBOX.c.attempts + 1
    else:
        values["body"] = None
    connection.execute(
        sa.update(OUTBOX).where(_is(*key), OUTBOX.c.state == "pending").values(values)
    )


def _pending(
    connection: sa.Connection, worker: str, leased: tuple[str, int]
) -> sa.RowMapping | None:
    return (
        connection.execute(
            sa.select(OUTBOX).where(
                _is(*leased), OUTBOX.c.state == "pending", OUTBOX.c.worker == worker
            )
        )
        .mappings()
        .one_or_none()
    )


def _dead(domain: str) -> sa.ColumnElement[bool]:
    """Condition for dead letters of a domain of which no replay was made."""
    later = OUTBOX.alias("later")
    return sa.and_(
        OUTBOX.c.domain == domain,
        OUTBOX.c.state == "dead",
        ~sa.exists().where(
            later.c.message_id == OUTBOX.c.message_id, later.c.replay > OUTBOX.c.replay
        ),
    )


def _is(message_id: str, replayed: int) -> sa.ColumnElement[bool]:
    return sa.and_(OUTBOX.c.message_id == message_id, OUTBOX.c.replay == replayed)


def _to(row: Any) -> sa.ColumnElement[bool]:
    return sa.and_(ENDPOINTS.c.domain == row["domain"], ENDPOINTS.c.name == row["destination"])


def _sent_to(message: Leased) -> sa.ColumnElement[bool]:
    return sa.and_(OUTBOX.c.domain == message.domain, OUTBOX.c.destination == message.destination)
