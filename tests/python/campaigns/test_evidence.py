"""Which contacts make a build stale: those that change what is learned."""

from datetime import date, datetime

import duckdb
import pytest
import sqlalchemy as sa
from campaign_world import DOMAIN, launch

from pipeline.campaigns.evidence import contacts_fingerprint
from pipeline.campaigns.tables import OUTBOX
from pipeline.retention.decisions import note_contacts, writing

KNOWN = date(2026, 11, 15)


@pytest.fixture
def built(home):
    """A home with a build that knows outcomes up to a day."""
    home.root.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(f"create schema {DOMAIN}")
        connection.execute(
            f"create table {DOMAIN}.{DOMAIN}__churn_examples as "
            f"select date '{KNOWN}' as label_known_on, true as is_churned "
            "union all select date '2026-12-15', null"
        )
    return home


def test_only_contacts_before_the_last_known_outcome_make_a_build_stale(built):
    assert contacts_fingerprint(built, DOMAIN) is None
    note_contacts(built, DOMAIN, [("a", KNOWN, "")])
    assert contacts_fingerprint(built, DOMAIN) is None
    note_contacts(built, DOMAIN, [("a", date(2026, 11, 14), "")])
    first = contacts_fingerprint(built, DOMAIN)
    assert first is not None
    assert contacts_fingerprint(built, DOMAIN) == first
    assert contacts_fingerprint(built, "another") is None
    note_contacts(built, DOMAIN, [("b", date(2026, 11, 14), "")])
    assert contacts_fingerprint(built, DOMAIN) != first


def test_a_message_that_arrived_in_time_is_a_contact(built, monkeypatch):
    launch(built, monkeypatch, "spring", "csv", ["a", "b", "c"], arms=["c"])
    assert contacts_fingerprint(built, DOMAIN) is None
    found = []
    for at in (datetime(2026, 11, 15), datetime(2026, 11, 14, 23)):
        with writing(built) as connection:
            connection.execute(
                sa.update(OUTBOX)
                .where(OUTBOX.c.customer_id == ("a" if at.day == 15 else "b"))
                .values(state="delivered", ended_at=at)
            )
        found.append(contacts_fingerprint(built, DOMAIN))
    assert found[0] is None
    assert found[1] is not None
