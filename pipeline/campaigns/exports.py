"""Exports what was launched, to whom, and what reached them, for dbt to read."""

import hashlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from pipeline.campaigns.tables import CAMPAIGNS, MEMBERS, OUTBOX, PLAYBOOK_CAMPAIGNS, PLAYBOOKS
from pipeline.project.home import Home
from pipeline.project.state import reading_from
from pipeline.project.state_export import write_state_table

_CAMPAIGNS = [
    CAMPAIGNS.c[name]
    for name in (
        "campaign_id",
        "domain",
        "name",
        "status",
        "budget_cents",
        "destination",
        "generation",
        "run_id",
        "as_of_date",
        "period_start",
        "period_end",
        "members_hash",
        "launched_at",
        "ended_at",
        "ended_because",
    )
]
_MEMBERS = [column for column in MEMBERS.c if column.name not in ("draw", "member_hash")]
_MESSAGES = [
    OUTBOX.c.campaign_id,
    OUTBOX.c.domain,
    OUTBOX.c.customer_id,
    OUTBOX.c.state,
    OUTBOX.c.attempts,
    OUTBOX.c.ended_at,
]
_PLAYBOOKS = [
    PLAYBOOKS.c.playbook_id,
    PLAYBOOKS.c.domain,
    PLAYBOOKS.c.name,
    PLAYBOOK_CAMPAIGNS.c.campaign_id,
]
_LAUNCHED = CAMPAIGNS.c.launched_at.is_not(None)


def export_campaigns(home: Home) -> None:
    """Write launched campaigns, members, each one's last message, and whose playbook it follows."""
    for name, columns, statement in _exported():
        write_state_table(home, name, columns, _rows(home, statement))


def campaigns_fingerprint(home: Home) -> str:
    """Hash of what `export_campaigns` would write."""
    digest = hashlib.sha256()
    for name, _, statement in _exported():
        digest.update(repr((name, _rows(home, statement))).encode())
    return digest.hexdigest()


def _exported() -> list[tuple[str, Sequence[sa.Column[Any]], sa.Select[Any]]]:
    ids = sa.select(CAMPAIGNS.c.campaign_id).where(_LAUNCHED)
    # a message that was replayed has a row for each time
    newest = OUTBOX.alias("newest")
    later = (
        sa.select(sa.literal(1))
        .where(newest.c.message_id == OUTBOX.c.message_id, newest.c.replay > OUTBOX.c.replay)
        .exists()
    )
    return [
        (
            "campaigns",
            _CAMPAIGNS,
            sa.select(*_CAMPAIGNS).where(_LAUNCHED).order_by(CAMPAIGNS.c.campaign_id),
        ),
        (
            "campaign_members",
            _MEMBERS,
            sa.select(*_MEMBERS)
            .where(MEMBERS.c.campaign_id.in_(ids))
            .order_by(MEMBERS.c.campaign_id, MEMBERS.c.customer_id),
        ),
        (
            "campaign_messages",
            _MESSAGES,
            sa.select(*_MESSAGES)
            .where(~later)
            .order_by(OUTBOX.c.campaign_id, OUTBOX.c.customer_id),
        ),
        (
            "playbook_campaigns",
            _PLAYBOOKS,
            sa.select(*_PLAYBOOKS)
            .join(PLAYBOOK_CAMPAIGNS, PLAYBOOK_CAMPAIGNS.c.playbook_id == PLAYBOOKS.c.playbook_id)
            .where(PLAYBOOK_CAMPAIGNS.c.campaign_id.in_(ids))
            .order_by(PLAYBOOKS.c.playbook_id, PLAYBOOK_CAMPAIGNS.c.campaign_id),
        ),
    ]


def _rows(home: Home, statement: sa.Select[Any]) -> list[tuple[Any, ...]]:
    with reading_from(home) as connection:
        return [] if connection is None else [tuple(row) for row in connection.execute(statement)]
