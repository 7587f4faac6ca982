"""Keeps which alerts are open and who was told, in the state: told once, and once when over."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.alerts.trouble import Trouble
from pipeline.project.home import Home
from pipeline.project.state import open_state, reading_from, writing_to

METADATA = sa.MetaData()
OPENED, OVER = "opened", "over"

ALERTS = sa.Table(
    "alerts",
    METADATA,
    sa.Column("alert_id", sa.String, primary_key=True),
    sa.Column("since", sa.DateTime, primary_key=True),
    # empty for what concerns no single one
    sa.Column("domain", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("words", sa.String, nullable=False),
    sa.Column("page", sa.String, nullable=False),
    sa.Column("command", sa.String, nullable=False),
    sa.Column("measured", sa.Float),
    # null while it is open
    sa.Column("ended_at", sa.DateTime),
)
MESSAGES = sa.Table(
    "alert_messages",
    METADATA,
    sa.Column("message_id", sa.String, primary_key=True),
    sa.Column("alert_id", sa.String, nullable=False),
    sa.Column("since", sa.DateTime, nullable=False),
    # opened or over
    sa.Column("event", sa.String, nullable=False),
    sa.Column("target", sa.String, nullable=False),
    # an address of a reader; empty for those of the target
    sa.Column("recipient", sa.String, nullable=False),
    sa.Column("made_at", sa.DateTime, nullable=False),
    sa.Column("sent_at", sa.DateTime),
    # why it did not arrive the last time
    sa.Column("problem", sa.String),
)


@dataclass(frozen=True)
class Alert:
    """An alert.

    Attributes:
        alert_id: The same for the same trouble on every night.
        since: When it was found first, UTC without a zone.
        domain: Domain; empty for what concerns no single one.
        kind: Kind.
        subject: What of it.
        words: What is wrong.
        page: Address of the page of the viewer.
        command: What an operator does.
        measured: What it is compared with on later nights.
        ended_at: When it was over; None while it is open.
    """

    alert_id: str
    since: datetime
    domain: str
    kind: str
    subject: str
    words: str
    page: str
    command: str
    measured: float | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True)
class AlertMessage:
    """Something that a reader is to be told.

    Attributes:
        message_id: The same however often it is sent.
        alert: The alert.
        event: opened or over.
        target: Name of the target.
        recipient: Address of a reader; empty for those of the target.
    """

    message_id: str
    alert: Alert
    event: str
    target: str
    recipient: str = ""


def as_alert(trouble: Trouble, since: datetime) -> Alert:
    """Return the alert that trouble opens."""
    return Alert(
        trouble.alert_id,
        since,
        trouble.domain,
        trouble.kind,
        trouble.subject,
        trouble.words,
        trouble.page,
        trouble.command,
        trouble.measured,
    )


def turn(
    standing: Iterable[Alert],
    troubles: Iterable[Trouble],
    judged: Collection[tuple[str, str]],
    now: datetime,
) -> tuple[list[Alert], list[Alert]]:
    """Return what opens and what is over.

    An alert stays open, too, while nobody could judge its kind: a night that failed early has not
    found that rows came back.

    Args:
        standing: Open alerts.
        troubles: What the night found.
        judged: Domain and kind that the night could judge.
        now: Now, UTC without a zone.
    """
    found = {one.alert_id: one for one in troubles}
    known = {one.alert_id for one in standing}
    opened = [as_alert(one, now) for key, one in found.items() if key not in known]
    over = [
        one for one in standing if one.alert_id not in found and (one.domain, one.kind) in judged
    ]
    return opened, over


def message_of(alert: Alert, event: str, target: str, recipient: str = "") -> AlertMessage:
    """Return the message about an event, with an id without a dot."""
    told = f"{alert.alert_id}|{alert.since.isoformat()}|{event}|{target}|{recipient}".encode()
    return AlertMessage(
        f"msg_{hashlib.sha256(told).hexdigest()[:32]}", alert, event, target, recipient
    )


def read_alerts(home: Home, *, only_open: bool = True) -> list[Alert]:
    """Return the alerts, the oldest first."""
    with reading_from(home) as connection:
        if connection is None:
            return []
        found = sa.select(ALERTS).order_by(ALERTS.c.since, ALERTS.c.alert_id)
        if only_open:
            found = found.where(ALERTS.c.ended_at.is_(None))
        return [Alert(**row) for row in connection.execute(found).mappings()]


def keep(
    home: Home,
    opened: Sequence[Alert],
    over: Sequence[Alert],
    troubles: Iterable[Trouble],
    messages: Iterable[AlertMessage],
    now: datetime,
) -> None:
    """Write what a night changed, all or nothing.

    Args:
        home: CHURN_HOME.
        opened: Alerts that open.
        over: Alerts that are over.
        troubles: What the night found; its words replace those of alerts that stay open.
        messages: What is to be told.
        now: Now, UTC without a zone.
    """
    engine = open_state(home)
    try:
        with writing_to(engine) as connection:
            for one in opened:
                connection.execute(ALERTS.insert().values(**vars(one)))
            for one in over:
                connection.execute(_row(one).values(ended_at=now))
            for trouble in troubles:
                connection.execute(
                    ALERTS.update()
                    .where(ALERTS.c.alert_id == trouble.alert_id, ALERTS.c.ended_at.is_(None))
                    .values(words=trouble.words)
                )
            for message in messages:
                connection.execute(
                    MESSAGES.insert().values(
                        message_id=message.message_id,
                        alert_id=message.alert.alert_id,
                        since=message.alert.since,
                        event=message.event,
                        target=message.target,
                        recipient=message.recipient,
                        made_at=now,
                    )
                )
    finally:
        engine.dispose()


def waiting(home: Home) -> list[AlertMessage]:
    """Return what nobody could be told yet, the oldest first."""
    with reading_from(home) as connection:
        if connection is None:
            return []
        rows = connection.execute(
            sa.select(
                ALERTS,
                MESSAGES.c.message_id,
                MESSAGES.c.event,
                MESSAGES.c.target,
                MESSAGES.c.recipient,
            )
            .join(
                MESSAGES,
                (MESSAGES.c.alert_id == ALERTS.c.alert_id) & (MESSAGES.c.since == ALERTS.c.since),
            )
            .where(MESSAGES.c.sent_at.is_(None))
            .order_by(MESSAGES.c.made_at, MESSAGES.c.message_id)
        ).mappings()
        return [_message(dict(row)) for row in rows]


def settle(home: Home, ids: Iterable[str], now: datetime, problem: str | None = None) -> None:
    """Write how sending messages went: they are sent, or wait for the next night.

    Args:
        home: CHURN_HOME.
        ids: Their ids.
        now: Now, UTC without a zone.
        problem: Why they did not arrive; None if they did.
    """
    engine = open_state(home)
    try:
        with writing_to(engine) as connection:
            connection.execute(
                MESSAGES.update()
                .where(MESSAGES.c.message_id.in_(list(ids)))
                .values(problem=problem, sent_at=now if problem is None else None)
            )
    finally:
        engine.dispose()


def give_up(home: Home, targets: Collection[str]) -> None:
    """Forget messages to targets that are not set up any more."""
    engine = open_state(home)
    try:
        with writing_to(engine) as connection:
            connection.execute(
                MESSAGES.delete().where(
                    MESSAGES.c.sent_at.is_(None), MESSAGES.c.target.not_in(list(targets))
                )
            )
    finally:
        engine.dispose()


def _row(alert: Alert) -> sa.Update:
    return ALERTS.update().where(ALERTS.c.alert_id == alert.alert_id, ALERTS.c.since == alert.since)


def _message(row: dict[str, Any]) -> AlertMessage:
    own = {name: row.pop(name) for name in ("message_id", "event", "target", "recipient")}
    return AlertMessage(
        own["message_id"], Alert(**row), own["event"], own["target"], own["recipient"]
    )
