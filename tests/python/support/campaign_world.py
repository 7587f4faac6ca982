"""Campaigns in a state without a generation: members and messages as a launch writes them."""

from datetime import date, datetime

import duckdb
import sqlalchemy as sa

from pipeline.campaigns.life_cycle import (
    CampaignSettings,
    draft_campaign,
    launch_campaign,
    preview_campaign,
)
from pipeline.campaigns.members import Chosen
from pipeline.campaigns.tables import ATTEMPTS, CAMPAIGNS, ENDPOINTS, MEMBERS, OUTBOX
from pipeline.project.state import reading_from
from pipeline.retention.decisions import writing

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


def past_campaign(home, domain, name, draws_arm):
    """A campaign on everybody of the newest closed cohort, as if it had been launched then.

    Args:
        home: Built and scored.
        domain: Domain.
        name: Name of the campaign.
        draws_arm: Place of a customer and whether it left → arm.

    Returns:
        Arm → customers who left, of how many.
    """
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        found = connection.execute(
            """
            with
            live as (
                select runs.domain, runs.run_id, runs.label_definition
                from churn.int_churn__live_runs_selected as live
                inner join churn.stg_churn__runs as runs using (run_id)
                where runs.domain = ?
            ),
            closed as (
                select live.run_id, labels.*
                from churn.int_churn__labels_unioned as labels
                inner join live using (domain, label_definition)
                where labels.is_churned is not null
            )
            select
                closed.run_id, as_of_date, customer_id, closed.is_churned, examples.customer_value
            from closed
            inner join churn.int_churn__examples_unioned as examples
                using (domain, customer_id, as_of_date)
            where as_of_date = (select max(as_of_date) from closed)
            order by customer_id
            """,
            [domain],
        ).fetchall()
    run_id, day = found[0][:2]
    told = {}
    members = []
    for place, (_, _, customer, left, value) in enumerate(found):
        arm = draws_arm(place, left)
        told[arm] = [
            have + more for have, more in zip(told.get(arm, [0, 0]), (left, 1), strict=True)
        ]
        members.append(
            member(customer, arm, customer_value=value, holdout_per_mille=500)
            | {"campaign_id": "past", "domain": domain, "member_hash": "h"}
        )
    row = {
        "campaign_id": "past",
        "domain": domain,
        "name": name,
        "status": "finished",
        "budget_cents": 100_000,
        "explore_per_mille": 0,
        "choice": "{}",
        "destination": "csv",
        "made_by": "Ada",
        "made_at": datetime(2026, 1, 1),
        "generation": "churn_past",
        "run_id": run_id,
        "as_of_date": day,
        "period_start": day,
        "period_end": day,
        "members_hash": "h",
        "launched_by": "Ada",
        "launched_at": datetime(2026, 1, 2),
        "files": 1,
    }
    with writing(home) as connection:
        connection.execute(sa.insert(CAMPAIGNS).values(row))
        connection.execute(sa.insert(MEMBERS), members)
    return told
