"""Campaigns in a state without a generation: members and messages as a launch writes them."""

from datetime import date

import sqlalchemy as sa

from pipeline.campaigns.life_cycle import (
    CampaignSettings,
    draft_campaign,
    launch_campaign,
    preview_campaign,
)
from pipeline.campaigns.members import Chosen
from pipeline.campaigns.tables import ATTEMPTS, CAMPAIGNS, ENDPOINTS, OUTBOX
from pipeline.project.state import reading_from

DOMAIN = "ecommerce"
DAY = date(2026, 11, 1)


def member(customer, arm="treat", **more):
    return {
        "customer_id": customer,
        "domain": DOMAIN,
        "arm": arm,
        "is_fixed": False,
        "draw": 50 if arm == "control" else 500,
        "holdout_per_mille": 100,
        "action_id": "voucher_10",
        "channel": "email",
        "is_explored": False,
        "action_probability": 1.0,
        "is_cooling": False,
        "risk_band": "high",
        "churn_probability": 0.5,
        "customer_value": 100.0,
        "due_on": None,
        "expected_churn_averted": 0.04,
        "spend_cents": 100,
        "profit_cents": 300,
        **more,
    }


def chosen(members, title="$10 voucher"):
    return Chosen(
        "churn_test",
        "run",
        DAY,
        (DAY, date(2026, 11, 29)),
        members,
        {"voucher_10": (title, "$10 off your next order")},
        {"voucher_10": 60, "": 14},
        {},
    )


def launch(home, monkeypatch, name, destination, customers, arms=(), **more):
    """A launched campaign of customers; `arms` are those of the control group."""
    rows = [member(one, "control" if one in arms else "treat") for one in sorted(customers)]
    draft_campaign(home, DOMAIN, CampaignSettings(name, 100.0, destination=destination), "Ada")
    with monkeypatch.context() as made:
        made.setattr(
            "pipeline.campaigns.life_cycle.choose_members", lambda *_: chosen(rows, **more)
        )
        made.setattr("pipeline.campaigns.life_cycle.published_name", lambda *_: "churn_test")
        preview_campaign(home, DOMAIN, name, lambda _: frozenset())
        return launch_campaign(home, DOMAIN, name, lambda _: frozenset(), "Ada")


def rows(home, table, *where):
    with reading_from(home) as connection:
        found = sa.select(table).where(*where).order_by(*table.primary_key.columns)
        return [dict(row) for row in connection.execute(found).mappings()]


def messages(home, name=None):
    """Rows of the outbox, of one campaign or of all."""
    if name is None:
        return rows(home, OUTBOX)
    (campaign,) = rows(home, CAMPAIGNS, CAMPAIGNS.c.name == name)
    return rows(home, OUTBOX, OUTBOX.c.campaign_id == campaign["campaign_id"])


def attempts(home):
    return rows(home, ATTEMPTS)


def endpoint(home, name="crm"):
    (found,) = rows(home, ENDPOINTS, ENDPOINTS.c.name == name)
    return found


def states(home, name=None):
    told = {}
    for one in messages(home, name):
        told[one["state"]] = told.get(one["state"], 0) + 1
    return told
