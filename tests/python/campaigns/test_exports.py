"""What dbt reads of campaigns: what was launched, to whom, and what reached them."""

import pyarrow.parquet as pq
import sqlalchemy as sa
from campaign_world import DOMAIN, launch

from pipeline.campaigns.exports import campaigns_fingerprint, export_campaigns
from pipeline.campaigns.life_cycle import CampaignSettings, draft_campaign
from pipeline.campaigns.tables import OUTBOX
from pipeline.retention.decisions import writing

TABLES = ("campaigns", "campaign_members", "campaign_messages")


def exported(home):
    export_campaigns(home)
    return [pq.read_table(home.state_export / f"{name}.parquet").to_pylist() for name in TABLES]


def test_without_a_state_there_are_tables_without_rows(home):
    assert exported(home) == [[], [], []]
    names = pq.read_schema(home.state_export / "campaign_members.parquet").names
    assert {"campaign_id", "customer_id", "arm"} <= set(names)


def test_launched_campaigns_are_exported_with_their_members_and_no_author(home, monkeypatch):
    launched = launch(home, monkeypatch, "spring", "csv", ["a", "b", "c"], arms=["c"])
    draft_campaign(home, DOMAIN, CampaignSettings("a draft", 10.0), "Ada")
    campaigns, members, messages = exported(home)
    assert [one["campaign_id"] for one in campaigns] == [launched.campaign_id]
    assert {one["customer_id"]: one["arm"] for one in members} == {
        "a": "treat",
        "b": "treat",
        "c": "control",
    }
    assert {one["customer_id"] for one in messages} == {"a", "b"}
    assert "Ada" not in str((campaigns, members, messages))


def test_of_a_message_that_was_replayed_the_last_counts(home, monkeypatch):
    launch(home, monkeypatch, "spring", "csv", ["a", "b"])
    before = campaigns_fingerprint(home)
    assert campaigns_fingerprint(home) == before
    with writing(home) as connection:
        row = dict(
            connection.execute(sa.select(OUTBOX).where(OUTBOX.c.customer_id == "a"))
            .mappings()
            .one()
        )
        connection.execute(
            sa.update(OUTBOX).where(OUTBOX.c.customer_id == "a").values(state="dead")
        )
        again = row | {"replay": 1, "state": "delivered"}
        connection.execute(sa.insert(OUTBOX).values(again))
    assert campaigns_fingerprint(home) != before
    states = {one["customer_id"]: one["state"] for one in exported(home)[2]}
    assert states == {"a": "delivered", "b": "pending"}
    assert len(exported(home)[2]) == 2
