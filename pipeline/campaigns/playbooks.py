"""Keeps settings of campaigns under a name, to draft campaigns from, and what they achieved."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from pipeline.campaigns.life_cycle import Campaign, CampaignSettings, find_campaign
from pipeline.campaigns.tables import CAMPAIGNS, PLAYBOOK_CAMPAIGNS, PLAYBOOKS
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.state import reading_from
from pipeline.retention.audit import record
from pipeline.retention.decisions import writing
from pipeline.retention.plan_choice import PlanChoice

# Maximum per domain, since people choose from a list.
MOST = 100
# The part of the members that is all of them.
ALL = "all"


class NoPlaybookError(ChurnError):
    """There is no playbook of that name."""


@dataclass(frozen=True)
class Playbook:
    """Settings of campaigns under a name.

    Attributes:
        playbook_id: Its id; another one whenever it is saved.
        domain: Domain.
        name: Name, unique in the domain.
        budget_cents: What the contacts of a campaign may cost.
        holdout_per_mille: Thousandths held out; None for what the period requires.
        explore_per_mille: Thousandths of members whose action is drawn among those offered.
        choice: Whom it is for and what it may use; without days, which pass.
        audience: Name of a saved audience; None for no more than the choice.
        made_by: Who saved it.
        made_at: When, UTC.
        campaigns: Names of the campaigns with its settings, in order.
    """

    playbook_id: str
    domain: str
    name: str
    budget_cents: int
    holdout_per_mille: int | None
    explore_per_mille: int
    choice: PlanChoice
    audience: str | None
    made_by: str
    made_at: datetime
    campaigns: tuple[str, ...] = ()

    def settings(self, name: str, destination: str, budget: float | None) -> CampaignSettings:
        """Return the settings of a campaign that uses it.

        Args:
            name: Name of the campaign.
            destination: Where its messages go.
            budget: What its contacts may cost; None for the playbook's.
        """
        return CampaignSettings(
            name,
            self.budget_cents / 100 if budget is None else budget,
            None if self.holdout_per_mille is None else self.holdout_per_mille / 1000,
            self.explore_per_mille / 1000,
            self.choice,
            self.audience,
            destination,
        )


def save_playbook(home: Home, domain: str, name: str, campaign: str, by: str) -> Playbook:
    """Keep the settings of a draft or of a launched campaign; a playbook of that name is replaced.

    Raises:
        ChurnError: There is no such campaign, the name is empty or has a slash, or there are too
            many playbooks.
    """
    name = name.strip()
    if not name or "/" in name or len(name) > 100:
        raise ChurnError(
            f"{name!r} cannot be the name of a playbook.",
            hint="Give it up to 100 characters, without a slash.",
        )
    source = find_campaign(home, domain, campaign)
    row: dict[str, Any] = {
        "playbook_id": uuid4().hex,
        "domain": domain,
        "name": name,
        "budget_cents": source.budget_cents,
        "holdout_per_mille": source.holdout_per_mille,
        "explore_per_mille": source.explore_per_mille,
        # days pass: the next campaign is for other ones
        "choice": json.dumps(replace(source.choice, due_from=None, due_to=None).as_json()),
        "audience": source.audience,
        "made_by": by,
        "made_at": datetime.now(UTC).replace(tzinfo=None),
    }
    with writing(home) as connection:
        connection.execute(sa.delete(PLAYBOOKS).where(_named(domain, name)))
        count = sa.select(sa.func.count()).where(PLAYBOOKS.c.domain == domain)
        if connection.execute(count).scalar_one() >= MOST:
            raise ChurnError(
                f"{domain} already has {MOST} playbooks, the maximum.", hint="Delete one first."
            )
        connection.execute(insert(PLAYBOOKS).values(row))
        _use(connection, row["playbook_id"], source.campaign_id)
        record(connection, domain, "saved a playbook", name, by)
    return find_playbook(home, domain, name)


def note_use(home: Home, playbook: Playbook, campaign: Campaign) -> None:
    """Record that a draft was made from a playbook: what it achieves is the playbook's too."""
    with writing(home) as connection:
        _use(connection, playbook.playbook_id, campaign.campaign_id)


def delete_playbook(home: Home, domain: str, name: str, by: str) -> int:
    """Delete a playbook; its campaigns stay. Return how many there were: one or none."""
    with writing(home) as connection:
        gone = connection.execute(sa.delete(PLAYBOOKS).where(_named(domain, name)))
        if gone.rowcount:
            record(connection, domain, "deleted a playbook", name, by)
        return gone.rowcount


def find_playbook(home: Home, domain: str, name: str) -> Playbook:
    """Return a playbook.

    Raises:
        NoPlaybookError: There is none of that name.
    """
    found = [one for one in read_playbooks(home, domain) if one.name == name]
    if not found:
        raise _no_playbook(domain, name)
    return found[0]


def read_playbooks(home: Home, domain: str) -> list[Playbook]:
    """Return the playbooks of a domain by name, each with its campaigns."""
    with reading_from(home) as connection:
        if connection is None:
            return []
        uses: dict[str, list[str]] = {}
        for row in connection.execute(
            sa.select(PLAYBOOK_CAMPAIGNS.c.playbook_id, CAMPAIGNS.c.name)
            .join(CAMPAIGNS, CAMPAIGNS.c.campaign_id == PLAYBOOK_CAMPAIGNS.c.campaign_id)
            .where(CAMPAIGNS.c.domain == domain)
            .order_by(CAMPAIGNS.c.name)
        ):
            uses.setdefault(str(row[0]), []).append(str(row[1]))
        kept = sa.select(PLAYBOOKS).where(PLAYBOOKS.c.domain == domain).order_by(PLAYBOOKS.c.name)
        return [
            Playbook(
                **{
                    **one,
                    "choice": PlanChoice.of_json(json.loads(one["choice"])),
                    "campaigns": tuple(uses.get(one["playbook_id"], ())),
                }
            )
            for one in connection.execute(kept).mappings()
        ]


def achieved(
    rows: Callable[[str, Sequence[Any]], list[dict[str, Any]]], domain: str
) -> dict[str, list[dict[str, Any]]]:
    """Return what playbooks achieved by id: rows of `bi_playbooks`, all members first.

    Args:
        rows: Runs a query with its parameters on the published tables.
        domain: Domain.
    """
    there = "select table_name from duckdb_tables() where table_name = 'bi_playbooks'"
    if not rows(there, []):  # published before there were playbooks
        return {}
    achieved_by: dict[str, list[dict[str, Any]]] = {}
    for row in rows(
        "select * from serving.bi_playbooks where domain = ? order by risk_band <> ?, risk_band",
        [domain, ALL],
    ):
        achieved_by.setdefault(row["playbook_id"], []).append(row)
    return achieved_by


def _use(connection: sa.Connection, playbook_id: str, campaign_id: str) -> None:
    connection.execute(
        insert(PLAYBOOK_CAMPAIGNS)
        .values(playbook_id=playbook_id, campaign_id=campaign_id)
        .on_conflict_do_nothing()
    )


def _named(domain: str, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(PLAYBOOKS.c.domain == domain, PLAYBOOKS.c.name == name)


def _no_playbook(domain: str, name: str) -> NoPlaybookError:
    return NoPlaybookError(
        f"{domain} has no playbook {name!r}.",
        hint=f"churn campaign playbooks --domain {domain}",
    )
