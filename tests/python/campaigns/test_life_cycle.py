"""Campaigns on the published demo: who is in them, in which arm, and what their life is."""

import dataclasses
import hashlib
import json
from datetime import date, timedelta
from types import SimpleNamespace

import duckdb
import pytest
import sqlalchemy as sa
from campaign_world import messages, rows

from pipeline.campaigns.forecast import smallest_effect
from pipeline.campaigns.life_cycle import (
    CampaignSettings,
    draft_campaign,
    find_campaign,
    finish_campaign,
    launch_campaign,
    pause_campaign,
    preview_campaign,
    read_campaigns,
    read_members,
    resume_campaign,
)
from pipeline.campaigns.members import Asked, choose_members, read_standing
from pipeline.project.errors import ChurnError
from pipeline.project.generations import current_file
from pipeline.project.state import reading_from
from pipeline.retention.audit import read_audit
from pipeline.retention.decisions import ASSIGNMENTS, note_contacts, suppress, writing
from pipeline.retention.plan_choice import PlanChoice

DOMAIN = "kkbox"


def nobody(name):
    raise AssertionError(name)


def published(home, sql):
    with duckdb.connect(current_file(home), read_only=True) as connection:
        found = connection.execute(sql.format(f"domain = '{DOMAIN}'"))
        names = [column[0] for column in found.description]
        return [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in found.fetchall()]


def assigned(home):
    return {
        row["customer_id"]: row for row in rows(home, ASSIGNMENTS, ASSIGNMENTS.c.domain == DOMAIN)
    }


def launched(home, name="spring", **settings):
    draft_campaign(home, DOMAIN, CampaignSettings(name, **({"budget": 3000.0} | settings)), "Ada")
    preview_campaign(home, DOMAIN, name, nobody)
    return launch_campaign(home, DOMAIN, name, nobody, "Ada")


def test_a_preview_says_what_it_costs_and_changes_nothing(drawn):
    before = assigned(drawn)
    draft_campaign(drawn, DOMAIN, CampaignSettings("spring", 3000.0, explore=0), "Ada")
    figures = preview_campaign(drawn, DOMAIN, "spring", nobody).forecast
    (plan,) = published(drawn, "select * from serving.bi_retention_budget where {}")
    # the period drew all that the plan chose, and the campaign takes them as they are
    assert figures.treat == figures.fixed_treat == plan.customers
    assert figures.control == figures.fixed_control == plan.control_customers
    assert figures.expected_cost == pytest.approx(plan.expected_spend)
    assert figures.expected_profit == pytest.approx(plan.expected_profit)
    contacted = published(
        drawn,
        "select churn_probability as p from serving.bi_churn_actions "
        "where {} and decision = 'treat'",
    )
    assert figures.expected_true_positives == pytest.approx(sum(one.p for one in contacted))
    assert figures.expected_false_positives == pytest.approx(sum(1 - one.p for one in contacted))
    assert figures.smallest_effect == pytest.approx(
        smallest_effect(plan.churn_without, plan.customers, plan.control_customers)
    )
    (never,) = published(
        drawn, "select count(*) as n from serving.bi_churn_actions where {} and is_never_treated"
    )
    assert figures.never_treated == never.n
    assert assigned(drawn) == before and messages(drawn) == []
    assert read_members(drawn, find_campaign(drawn, DOMAIN, "spring").campaign_id) == []


def test_the_smallest_effect_is_found_in_80_of_100_simulated_campaigns():
    import numpy as np

    churn, treat, control = 0.3, 4_000, 1_000
    effect = smallest_effect(churn, treat, control)
    chance = np.random.default_rng(7)
    saved = chance.binomial(treat, churn - effect, 4_000) / treat
    held = chance.binomial(control, churn, 4_000) / control
    pooled = (treat * saved + control * held) / (treat + control)
    error = np.sqrt(pooled * (1 - pooled) * (1 / treat + 1 / control))
    found = np.mean(np.abs(held - saved) / error > 1.959964)
    assert 0.77 < found < 0.83
    assert smallest_effect(None, 1, 1) is smallest_effect(0.5, 0, 1) is None


def test_a_launch_freezes_members_arms_and_generation_and_keeps_what_it_draws(world):
    campaign = launched(world, explore=0)
    members = read_members(world, campaign.campaign_id)
    assert campaign.status == "running"
    assert campaign.generation == current_file(world).stem
    assert len(members) == campaign.forecast.customers > 200
    assert {one["arm"] for one in members} == {"treat", "control"}
    # an arm is the threshold of a hash of customer and period, as anybody can compute it
    for one in members:
        told = f"first|{DOMAIN}|{one['customer_id']}|{campaign.period_start}"
        lower = int.from_bytes(hashlib.md5(told.encode()).digest()[8:], "big")
        little = int.from_bytes(hashlib.md5(told.encode()).digest()[8:], "little")
        assert one["draw"] in (lower % 1000, little % 1000)
        assert (one["arm"] == "control") == (one["draw"] < one["holdout_per_mille"])
        assert one["is_fixed"] is False
    kept = assigned(world)
    assert {name: row["arm"] for name, row in kept.items()} == {
        one["customer_id"]: one["arm"] for one in members
    }
    assert {row["generation"] for row in kept.values()} == {campaign.generation}
    # a message for each to contact and none for the control group
    assert {one["customer_id"] for one in messages(world)} == {
        one["customer_id"] for one in members if one["arm"] == "treat"
    }
    # the arms are those that the publish itself draws
    plan = published(world, "select customer_id, arm from serving.bi_churn_actions where {}")
    theirs = {one.customer_id: one.arm for one in plan}
    assert all(theirs[one["customer_id"]] == one["arm"] for one in members)


def test_arms_of_the_period_stay_whatever_the_campaign_asks(world, drawn):
    before = assigned(drawn)
    campaign = launched(drawn, holdout=0.5)
    members = read_members(drawn, campaign.campaign_id)
    assert members and all(one["is_fixed"] for one in members)
    for one in members:
        mine = before[one["customer_id"]]
        assert (one["arm"], one["action_id"]) == (mine["arm"], mine["action_id"])
        assert one["holdout_per_mille"] == mine["holdout_per_mille"]
    assert assigned(drawn) == before


def test_it_draws_only_for_customers_who_have_no_arm(world, demo):
    with reading_from(demo[0]) as connection:
        found = [
            dict(row)
            for row in connection.execute(
                sa.select(ASSIGNMENTS).where(ASSIGNMENTS.c.domain == DOMAIN)
            ).mappings()
        ]
    half = [row for row in found if row["arm"] != "never_treated"][::2]
    # one whom the hash would contact is of the control group since the period says so
    odd = next(row for row in half if row["arm"] == "treat")
    odd["arm"] = "control"
    with writing(world) as connection:
        connection.execute(sa.insert(ASSIGNMENTS), half)
    campaign = launched(world, explore=0)
    members = {one["customer_id"]: one for one in read_members(world, campaign.campaign_id)}
    fixed = {name for name, one in members.items() if one["is_fixed"]}
    assert fixed == {row["customer_id"] for row in half}
    assert members[odd["customer_id"]]["arm"] == "control"
    assert odd["customer_id"] not in {one["customer_id"] for one in messages(world)}
    figures = campaign.forecast
    assert figures.fixed_treat + figures.fixed_control == len(half)
    assert len(members) - len(fixed) > 0


def test_a_control_of_the_period_is_control_in_every_campaign(world):
    first = launched(world)
    finish_campaign(world, DOMAIN, "spring", "Ada")
    second = launched(world, "summer", holdout=0.0)
    arms = [
        {one["customer_id"]: one["arm"] for one in read_members(world, found.campaign_id)}
        for found in (first, second)
    ]
    assert arms[0] == arms[1] and "control" in arms[1].values()


def test_a_customer_is_in_one_running_campaign(world):
    first = launched(world, "mail", choice=PlanChoice(channels=("email",)))
    second = launched(world, "all")
    ids = [
        {one["customer_id"] for one in read_members(world, found.campaign_id)}
        for found in (first, second)
    ]
    assert ids[0] and ids[1] and not ids[0] & ids[1]
    assert second.forecast.in_another_campaign == len(ids[0])
    # a paused campaign keeps its members, a finished one gives them back
    for end, are_free in ((pause_campaign, False), (finish_campaign, True)):
        end(world, DOMAIN, "mail", "Ada")
        draft_campaign(world, DOMAIN, CampaignSettings("next", 3000.0), "Ada")
        figures = preview_campaign(world, DOMAIN, "next", nobody).forecast
        assert (figures.customers >= len(ids[0])) == are_free


def test_who_was_contacted_lately_is_not_drawn(world):
    draft_campaign(world, DOMAIN, CampaignSettings("a", 3000.0), "Ada")
    before = preview_campaign(world, DOMAIN, "a", nobody).forecast
    with writing(world) as connection:
        standing = read_standing(connection, DOMAIN, "")
    someone = choose_members(
        world, Asked("", DOMAIN, 300_000, None, 0, PlanChoice()), standing
    ).members[0]["customer_id"]
    day = date.fromisoformat(before.as_of_date) - timedelta(days=1)
    note_contacts(world, DOMAIN, [(someone, day, "")])
    after = preview_campaign(world, DOMAIN, "a", nobody).forecast
    assert (before.cool_down, after.cool_down) == (0, 1)
    # a contact whose cool-down is over counts no more
    note_contacts(world, DOMAIN, [(someone, day - timedelta(days=300), "")])
    assert preview_campaign(world, DOMAIN, "a", nobody).forecast.cool_down == 1


def test_who_was_drawn_and_contacted_since_stays_a_member_and_gets_no_second_message(drawn):
    """Left out, the arms would lose different people: the control group is never contacted."""
    someone = next(name for name, row in assigned(drawn).items() if row["arm"] == "treat")
    draft_campaign(drawn, DOMAIN, CampaignSettings("a", 3000.0), "Ada")
    before = preview_campaign(drawn, DOMAIN, "a", nobody).forecast
    note_contacts(drawn, DOMAIN, [(someone, date.fromisoformat(before.as_of_date), "")])
    after = launched(drawn, "a").forecast
    assert (after.treat, after.control) == (before.treat, before.control)
    assert (after.cooling, after.messages) == (1, before.messages - 1)
    (message,) = [one for one in messages(drawn) if one["customer_id"] == someone]
    assert (message["state"], message["body"]) == ("withheld", None)


def test_messages_that_were_delivered_cool_down_across_campaigns(drawn):
    from pipeline.campaigns.tables import OUTBOX

    launched(drawn, "spring")
    reached = messages(drawn)[0]["customer_id"]
    at = find_campaign(drawn, DOMAIN, "spring").as_of_date
    with writing(drawn) as connection:
        connection.execute(
            sa.update(OUTBOX)
            .where(OUTBOX.c.customer_id == reached)
            .values(state="delivered", ended_at=sa.func.datetime(str(at)), body=None)
        )
    finish_campaign(drawn, DOMAIN, "spring", "Ada")
    second = launched(drawn, "summer")
    (member,) = [
        one for one in read_members(drawn, second.campaign_id) if one["customer_id"] == reached
    ]
    assert member["is_cooling"] and second.forecast.cooling == 1


def test_who_is_suppressed_is_in_no_arm_and_counted(drawn):
    draft_campaign(drawn, DOMAIN, CampaignSettings("a", 3000.0), "Ada")
    before = preview_campaign(drawn, DOMAIN, "a", nobody).forecast
    two = [
        next(name for name, row in assigned(drawn).items() if row["arm"] == arm)
        for arm in ("treat", "control")
    ]
    suppress(drawn, DOMAIN, [(one, "asked") for one in two])
    after = preview_campaign(drawn, DOMAIN, "a", nobody).forecast
    assert after.suppressed == before.suppressed + 2
    assert (after.treat, after.control) == (before.treat - 1, before.control - 1)


@pytest.mark.parametrize("budget", [0.0, 5.0, 100.0])
def test_both_arms_together_stay_within_the_budget(world, drawn, budget):
    draft_campaign(drawn, DOMAIN, CampaignSettings("a", budget, explore=0), "Ada")
    preview_campaign(drawn, DOMAIN, "a", nobody)
    with writing(drawn) as connection:
        standing = read_standing(connection, DOMAIN, "")
    for one in (standing, dataclasses.replace(standing, assigned=())):
        asked = Asked("", DOMAIN, round(100 * budget), None, 0, PlanChoice())
        found = choose_members(drawn, asked, one).members
        assert sum(row["spend_cents"] for row in found) <= 100 * budget
        assert bool(found) == (budget > 0)


def test_exploring_draws_actions_and_keeps_their_probabilities(world):
    with writing(world) as connection:
        standing = read_standing(connection, DOMAIN, "")

    def actions(campaign_id, share):
        asked = Asked(campaign_id, DOMAIN, 300_000, None, share, PlanChoice())
        return {one["customer_id"]: one for one in choose_members(world, asked, standing).members}

    best, all_drawn = actions("x", 0), actions("x", 1000)
    assert all(one["action_probability"] == 1 and not one["is_explored"] for one in best.values())
    assert all(one["is_explored"] for one in all_drawn.values())
    options = {name: round(1 / one["action_probability"]) for name, one in all_drawn.items()}
    assert max(options.values()) > 2
    # over many campaigns the drawn action is what its probability says
    share, times, expected = 300, 10, 0
    other = 0
    for number in range(times):
        for name, one in actions(f"campaign {number}", share).items():
            is_best = one["action_id"] == best[name]["action_id"]
            chance = share / 1000 / options[name]
            assert one["action_probability"] == pytest.approx(chance + 0.7 * is_best)
            expected += share / 1000 * (1 - 1 / options[name])
            other += not is_best
            # arms do not depend on it, and the control group has a planned action as well
            assert one["arm"] == best[name]["arm"]
    assert other == pytest.approx(expected, rel=0.12)


def test_a_saved_audience_is_who_it_is_for(world):
    ids = [one.customer_id for one in published(world, _TREATED)]
    settings = CampaignSettings("some", 3000.0, audience="mine", explore=0)
    draft_campaign(world, DOMAIN, settings, "Ada")
    some = frozenset(ids[:20])
    figures = preview_campaign(world, DOMAIN, "some", {"mine": some}.__getitem__).forecast
    assert figures.customers == 20
    found = launch_campaign(world, DOMAIN, "some", {"mine": some}.__getitem__, "Ada")
    members = read_members(world, found.campaign_id)
    assert {one["customer_id"] for one in members} == some


_TREATED = (
    "select customer_id from serving.bi_churn_actions where {} and decision <> 'leave' "
    "order by customer_id"
)


def test_nothing_is_launched_that_was_not_previewed(world):
    draft_campaign(world, DOMAIN, CampaignSettings("a", 3000.0), "Ada")
    with pytest.raises(ChurnError, match="not previewed"):
        launch_campaign(world, DOMAIN, "a", nobody, "Ada")
    preview_campaign(world, DOMAIN, "a", nobody)
    # saved again it is another draft
    draft_campaign(world, DOMAIN, CampaignSettings("a", 1.0), "Ada")
    with pytest.raises(ChurnError, match="not previewed"):
        launch_campaign(world, DOMAIN, "a", nobody, "Ada")
    draft_campaign(world, DOMAIN, CampaignSettings("a", 0.0), "Ada")
    preview_campaign(world, DOMAIN, "a", nobody)
    with pytest.raises(ChurnError, match="Nobody is in a"):
        launch_campaign(world, DOMAIN, "a", nobody, "Ada")
    assert assigned(world) == {} and messages(world) == []


def test_what_is_decided_while_members_are_chosen_counts(world, monkeypatch):
    """The first choice is stale: somebody was suppressed before it could be frozen."""
    draft_campaign(world, DOMAIN, CampaignSettings("a", 3000.0), "Ada")
    preview_campaign(world, DOMAIN, "a", nobody)
    someone = published(world, _TREATED)[0].customer_id
    tries = []

    def choose(home, asked, standing):
        found = choose_members(home, asked, standing)
        if not tries:
            suppress(home, DOMAIN, [(someone, "asked")])
        tries.append(found)
        return found

    monkeypatch.setattr("pipeline.campaigns.life_cycle.choose_members", choose)
    campaign = launch_campaign(world, DOMAIN, "a", nobody, "Ada")
    assert len(tries) == 2
    assert someone in {one["customer_id"] for one in tries[0].members}
    assert someone not in {one["customer_id"] for one in read_members(world, campaign.campaign_id)}


def test_a_launch_that_fails_leaves_nothing(world, monkeypatch):
    draft_campaign(world, DOMAIN, CampaignSettings("a", 3000.0), "Ada")
    preview_campaign(world, DOMAIN, "a", nobody)

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("pipeline.campaigns.life_cycle.write_messages", fail)
    with pytest.raises(OSError, match="disk full"):
        launch_campaign(world, DOMAIN, "a", nobody, "Ada")
    found = find_campaign(world, DOMAIN, "a")
    assert found.status == "draft" and found.generation is None
    assert assigned(world) == {} and read_members(world, found.campaign_id) == []


def test_a_campaign_goes_its_way_and_who_did_it_is_kept(world):
    launched(world)
    with pytest.raises(ChurnError, match="launched a campaign 'spring' already"):
        draft_campaign(world, DOMAIN, CampaignSettings("spring", 1.0), "Bo")
    with pytest.raises(ChurnError, match="is running and cannot be launched"):
        launch_campaign(world, DOMAIN, "spring", nobody, "Bo")
    assert pause_campaign(world, DOMAIN, "spring", "Bo").status == "paused"
    assert pause_campaign(world, DOMAIN, "spring", "Bo").status == "paused"
    assert resume_campaign(world, DOMAIN, "spring", "Bo").status == "running"
    assert finish_campaign(world, DOMAIN, "spring", "Bo").ended_by == "Bo"
    with pytest.raises(ChurnError, match="is finished and cannot be paused"):
        pause_campaign(world, DOMAIN, "spring", "Bo")
    told = [(row.decided_by, row.what) for row in read_audit(world, DOMAIN, None, 10)]
    assert told == [
        ("Bo", "finished a campaign"),
        ("Bo", "resumed a campaign"),
        ("Bo", "paused a campaign"),
        ("Ada", "launched a campaign"),
        ("Ada", "drafted a campaign"),
    ]
    with pytest.raises(ChurnError, match="no campaign 'autumn'"):
        find_campaign(world, DOMAIN, "autumn")


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "a/b"},
        {"name": " "},
        {"budget": -1.0},
        {"holdout": 0.6},
        {"explore": 1.5},
        {"destination": "crm"},
    ],
)
def test_settings_out_of_bounds_are_refused_in_words(home, settings):
    with pytest.raises(ChurnError) as refused:
        draft_campaign(
            home, DOMAIN, CampaignSettings(**({"name": "a", "budget": 1.0} | settings)), "Ada"
        )
    assert refused.value.hint
    assert read_campaigns(home, DOMAIN) == []


def test_the_commands_draft_preview_launch_and_show(drawn, run_churn):
    def churn(*arguments):
        done = run_churn(drawn.root, "campaign", *arguments, "--domain", DOMAIN)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "is draft" in churn("draft", "--name", "spring", "--budget", 3000, "--channel", "push")
    told = churn("preview", "--name", "spring")
    for words in ("to contact", "assigned before", "would leave", "points are expected"):
        assert words in told
    assert json.loads(churn("launch", "--name", "spring", "--json"))["status"] == "running"
    assert json.loads(churn("pause", "--name", "spring", "--json"))["status"] == "paused"
    assert json.loads(churn("resume", "--name", "spring", "--json"))["status"] == "running"
    shown = json.loads(churn("show", "--name", "spring", "--json"))
    assert shown["messages"] == {"pending": shown["forecast"]["messages"]}
    done = run_churn(drawn.root, "dispatch", "--once")
    assert done.returncode == 0 and "0001.csv" in done.stdout
    assert "delivered" in churn("show", "--name", "spring")
    assert "is finished" in churn("finish", "--name", "spring")
    (listed,) = json.loads(churn("list", "--json"))
    assert listed["name"] == "spring" and listed["status"] == "finished"
    done = run_churn(drawn.root, "campaign", "show", "--domain", DOMAIN, "--name", "none")
    assert done.returncode == 1 and "no campaign 'none'" in done.stderr
