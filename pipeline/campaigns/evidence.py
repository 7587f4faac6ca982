"""Names the contacts that change what is learned: those before the outcomes of a closed cohort."""

import hashlib
from datetime import UTC, date, datetime, time

import duckdb
import sqlalchemy as sa

from pipeline.campaigns.tables import CAMPAIGNS, OUTBOX
from pipeline.project.home import Home
from pipeline.project.state import reading_from
from pipeline.retention.decisions import ASSIGNMENTS, CONTACTS


def contacts_fingerprint(home: Home, domain: str) -> str | None:
    """Return a hash of what leaves examples out; None where no contact does.

    Contacts after the last known outcome, and arms that were drawn after it, change nothing yet.

    Args:
        home: CHURN_HOME; its warehouse says how far outcomes are known.
        domain: Domain.
    """
    until = _known_until(home, domain)
    moment = datetime.combine(until, time.min)
    contacts = (
        sa.select(CONTACTS.c.customer_id, CONTACTS.c.contacted_on, CONTACTS.c.action_id)
        .where(CONTACTS.c.domain == domain, CONTACTS.c.contacted_on < until)
        .order_by(*CONTACTS.primary_key.columns)
    )
    messages = (
        sa.select(OUTBOX.c.campaign_id, OUTBOX.c.customer_id, CAMPAIGNS.c.period_start)
        .join(CAMPAIGNS, CAMPAIGNS.c.campaign_id == OUTBOX.c.campaign_id)
        .where(
            OUTBOX.c.domain == domain,
            OUTBOX.c.state == "delivered",
            OUTBOX.c.ended_at < moment,
        )
        .order_by(OUTBOX.c.campaign_id, OUTBOX.c.customer_id)
    )
    arms = (
        sa.select(
            ASSIGNMENTS.c.period_start,
            ASSIGNMENTS.c.customer_id,
            ASSIGNMENTS.c.arm,
            ASSIGNMENTS.c.action_id,
            ASSIGNMENTS.c.holdout_per_mille,
            ASSIGNMENTS.c.as_of_date,
        )
        .where(ASSIGNMENTS.c.domain == domain, ASSIGNMENTS.c.as_of_date < until)
        .order_by(*ASSIGNMENTS.primary_key.columns)
    )
    with reading_from(home) as connection:
        if connection is None:
            return None
        made = [[tuple(row) for row in connection.execute(one)] for one in (contacts, messages)]
        if not any(made):
            return None
        made.append([tuple(row) for row in connection.execute(arms)])
    return hashlib.sha256(repr(made).encode()).hexdigest()


def _known_until(home: Home, domain: str) -> date:
    """The day on which the last outcome that is known was; today without a build."""
    if home.warehouse.exists():
        with duckdb.connect(str(home.warehouse), read_only=True) as connection:
            try:
                ((day,),) = connection.execute(
                    f"select max(label_known_on) from {domain}.{domain}__churn_examples "
                    "where is_churned is not null"
                ).fetchall()
            except duckdb.CatalogException:
                day = None
        if day is not None:
            known: date = day
            return known
    return datetime.now(UTC).date()
