"""Settings of campaigns that are kept under a name, and used again."""

from datetime import date

import duckdb
import pytest
import sqlalchemy as sa
from campaign_world import DOMAIN, launch, rows

from pipeline.campaigns.exports import export_campaigns
from pipeline.campaigns.life_cycle import CampaignSettings, draft_campaign, find_campaign
from pipeline.campaigns.playbooks import (
    NoPlaybookError,
    achieved,
    delete_playbook,
    find_playbook,
    note_use,
    read_playbooks,
    save_playbook,
)
from pipeline.campaigns.tables import PLAYBOOK_CAMPAIGNS
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.state import reading_from
from pipeline.retention.audit import AUDIT
from pipeline.retention.plan_choice import PlanChoice


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


CHOICE = PlanChoice(bands=("critical",), actions=("voucher_10",), due_from=date(2026, 11, 1))


def draft(home, name="spring", **more):
    settings = CampaignSettings(name, 150.0, 0.2, 0.1, CHOICE, **more)
    return draft_campaign(home, DOMAIN, settings, "Ada")


def test_a_playbook_has_the_settings_of_its_campaign_but_for_days(home):
    draft(home)
    saved = save_playbook(home, DOMAIN, " win back ", "spring", "Ada")
    assert (saved.name, saved.campaigns, saved.made_by) == ("win back", ("spring",), "Ada")
    again = saved.settings("summer", "csv", None)
    assert again == CampaignSettings(
        "summer", 150.0, 0.2, 0.1, PlanChoice(bands=("critical",), actions=("voucher_10",))
    )
    assert saved.settings("summer", "csv", 20).budget == 20
    made = draft_campaign(home, DOMAIN, again, "Ada")
    note_use(home, saved, made)
    note_use(home, saved, made)
    assert find_playbook(home, DOMAIN, "win back").campaigns == ("spring", "summer")
    with reading_from(home) as connection:
        told = connection.execute(sa.select(AUDIT.c.what, AUDIT.c.subject)).all()
    assert ("saved a playbook", "win back") in [tuple(row) for row in told]


def test_settings_that_are_saved_again_are_another_playbook(home):
    """What other settings achieved under the same name is not their own."""
    draft(home)
    draft(home, "autumn")
    first = save_playbook(home, DOMAIN, "win back", "spring", "Ada")
    second = save_playbook(home, DOMAIN, "win back", "autumn", "Ada")
    assert first.playbook_id != second.playbook_id
    assert [one.campaigns for one in read_playbooks(home, DOMAIN)] == [("autumn",)]


def test_what_is_not_there_is_refused_in_words(home):
    assert read_playbooks(home, DOMAIN) == []
    with pytest.raises(NoPlaybookError, match="has no playbook 'gone'"):
        find_playbook(home, DOMAIN, "gone")
    assert delete_playbook(home, DOMAIN, "gone", "Ada") == 0
    with pytest.raises(ChurnError, match="has no campaign 'gone'"):
        save_playbook(home, DOMAIN, "win back", "gone", "Ada")
    draft(home)
    with pytest.raises(ChurnError, match="cannot be the name"):
        save_playbook(home, DOMAIN, "a/b", "spring", "Ada")
    save_playbook(home, DOMAIN, "win back", "spring", "Ada")
    assert delete_playbook(home, DOMAIN, "win back", "Ada") == 1
    assert read_playbooks(home, DOMAIN) == []
    assert find_campaign(home, DOMAIN, "spring")


def test_only_launched_campaigns_are_exported_for_dbt(home, monkeypatch):
    draft(home, "never")
    save_playbook(home, DOMAIN, "unused", "never", "Ada")
    launch(home, monkeypatch, "spring", "csv", ["a", "b"])
    saved = save_playbook(home, DOMAIN, "win back", "spring", "Ada")
    assert len(rows(home, PLAYBOOK_CAMPAIGNS)) == 2
    export_campaigns(home)
    found = duckdb.sql(
        f"from read_parquet('{home.state_export / 'playbook_campaigns.parquet'}')"
    ).fetchall()
    spring = find_campaign(home, DOMAIN, "spring").campaign_id
    assert found == [(saved.playbook_id, DOMAIN, "win back", spring)]


def test_a_generation_from_before_playbooks_has_no_rates():
    with duckdb.connect() as connection:
        ask = lambda sql, given: connection.execute(sql, given).fetchall()  # noqa: E731
        assert achieved(ask, DOMAIN) == {}
