"""Who decided what, and when: one row per decision, written with it or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import sqlalchemy as sa

from pipeline.project.home import Home
from pipeline.project.state import reading_from

What = Literal[
    "marked do-not-contact",
    "lifted do-not-contact",
    "reported contacts",
    "took back contacts",
    "saved an audience",
    "deleted an audience",
    "saved a draft",
    "deleted a draft",
    "approved a draft",
    "saved a plan",
    "drafted a campaign",
    "launched a campaign",
    "paused a campaign",
    "resumed a campaign",
    "finished a campaign",
    "stopped a campaign",
    "saved a playbook",
    "deleted a playbook",
    "replayed messages",
    "added an endpoint",
    "rotated the secret of an endpoint",
    "enabled an endpoint",
    "disabled an endpoint",
]
# Customers of one decision that are named; of more the number is kept.
_NAMED = 3

METADATA = sa.MetaData()
AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("domain", sa.String, nullable=False),
    # null for what was decided without a name
    sa.Column("decided_by", sa.String),
    sa.Column("what", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),
)


@dataclass(frozen=True)
class AuditRow:
    """A decision.

    Attributes:
        number: Its number; later decisions have higher ones.
        at: When, UTC.
        domain: Domain.
        decided_by: Who; None if nobody was named.
        what: What was done.
        subject: To whom or what: customers, or the name of an audience, a draft, a campaign or an
            endpoint.
    """

    number: int
    at: datetime
    domain: str
    decided_by: str | None
    what: str
    subject: str


def record(
    connection: sa.Connection, domain: str, what: What, subject: str, by: str | None
) -> None:
    """Record a decision in the transaction that stores it."""
    connection.execute(
        sa.insert(AUDIT).values(
            at=datetime.now(UTC).replace(tzinfo=None),
            domain=domain,
            decided_by=by,
            what=what,
            subject=subject,
        )
    )


def customers_in_words(customers: Sequence[str]) -> str:
    """Return the customers of a decision: a few by their ids, of more the number."""
    if len(customers) <= _NAMED:
        return ", ".join(customers)
    return f"{len(customers):,} customers"


def read_audit(home: Home, domain: str, before: int | None, limit: int) -> list[AuditRow]:
    """Return decisions about a domain, the newest first; empty before anything was decided.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        before: Number of the last row of the page before; None for the first page.
        limit: Maximum number of rows.
    """
    found = sa.select(AUDIT).where(AUDIT.c.domain == domain)
    if before is not None:
        found = found.where(AUDIT.c.number < before)
    found = found.order_by(AUDIT.c.number.desc()).limit(limit)
    with reading_from(home) as connection:
        if connection is None:
            return []
        return [AuditRow(**row) for row in connection.execute(found).mappings()]
