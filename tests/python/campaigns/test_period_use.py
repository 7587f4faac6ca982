"""The budget of a period and the capacity of a channel are spent once, over all campaigns."""

from datetime import date
from threading import Barrier, Thread

import duckdb
import pytest
import sqlalchemy as sa
from campaign_world import rows

from pipeline.campaigns import life_cycle
from pipeline.campaigns.life_cycle import (
    CampaignSettings,
    draft_campaign,
    find_campaign,
    finish_campaign,
    launch_campaign,
    pause_campaign,
    preview_campaign,
    read_members,
    resume_campaign,
)
from pipeline.campaigns.period_use import BeyondPeriodError
from pipeline.campaigns.tables import OUTBOX
from pipeline.project.generations import current_file
from pipeline.retention.decisions import ASSIGNMENTS, note_contacts, save_plan, writing
from pipeline.retention.plan_choice import PlanChoice

DOMAIN = "kkbox"
MAIL = PlanChoice(channels=("email",))


def drafted(home, name, domain=DOMAIN, among=None, **settings):
    """The figures of a preview."""
    settings = {"budget": 3000.0, "explore": 0, "audience": among and "some", **settings}
    draft_campaign(home, domain, CampaignSettings(name, **settings), "Ada")
    return preview_campaign(home, domain, name, lambda _: among).forecast


def launched(home, name, domain=DOMAIN, among=None, **settings):
    drafted(home, name, domain, among, **settings)
    return launch_campaign(home, domain, name, lambda _: among, "Ada")


def members_of(home, campaign, arm):
    return {
        one["customer_id"]: one
        for one in read_members(home, campaign.campaign_id)
        if one["arm"] == arm
    }


def spend(members):
    return sum(one["spend_cents"] for one in members) / 100


def listed(home, domain, where="decision <> 'leave'"):
    """Customers of the published plan."""
    with duckdb.connect(current_file(home), read_only=True) as connection:
        return {
            row[0]
            for row in connection.execute(
                f"select customer_id from serving.bi_churn_actions where domain = ? and {where}",
                [domain],
            ).fetchall()
        }


def period_budget(home, amount):
    save_plan(home, DOMAIN, round(100 * amount), None)


def test_two_campaigns_of_a_period_stay_within_its_budget(world):
    first = launched(world, "mail", choice=MAIL)
    treat, control = (members_of(world, first, arm).values() for arm in ("treat", "control"))
    before = drafted(world, "all")
    assert before.period_campaigns == pytest.approx(spend(treat))
    assert before.period_control == pytest.approx(spend(control))
    assert before.period_left == pytest.approx(3000 - spend(treat) - spend(control))
    assert before.period_needed > 20
    # a cent too little
    period_budget(world, spend(treat) + spend(control) + before.period_needed - 0.01)
    figures = drafted(world, "all")
    assert figures.period_left == pytest.approx(figures.period_needed - 0.01)
    arms = rows(world, ASSIGNMENTS)
    with pytest.raises(BeyondPeriodError) as refused:
        launch_campaign(world, DOMAIN, "all", lambda _: None, "Ada")
    assert f"take {figures.period_needed:,.2f} of the period's budget" in refused.value.what
    assert f"{figures.period_left:,.2f} of " in refused.value.what
    assert f"{spend(treat):,.2f} by messages of campaigns" in refused.value.what
    assert f"budget to {figures.period_left:,.2f} or less" in refused.value.hint
    kept = find_campaign(world, DOMAIN, "all")
    assert kept.status == "draft" and rows(world, ASSIGNMENTS) == arms
    assert read_members(world, kept.campaign_id) == []
    # what the words say to do is enough
    drafted(world, "all", budget=figures.period_left)
    assert launch_campaign(world, DOMAIN, "all", lambda _: None, "Ada").status == "running"


def test_what_a_paused_or_ended_campaign_did_not_send_is_given_back(world):
    first = launched(world, "mail", choice=MAIL)
    treat, control = (members_of(world, first, arm) for arm in ("treat", "control"))
    everyone = spend(treat.values()) + spend(control.values())
    # one message is delivered
    reached = min(treat)
    with writing(world) as connection:
        connection.execute(
            sa.update(OUTBOX)
            .where(OUTBOX.c.customer_id == reached)
            .values(state="delivered", ended_at=sa.func.datetime("2017-04-02"), body=None)
        )
    rest = drafted(world, "all").period_needed
    period_budget(world, everyone + rest - 0.01)
    drafted(world, "all")
    with pytest.raises(BeyondPeriodError):
        launch_campaign(world, DOMAIN, "all", lambda _: None, "Ada")
    pause_campaign(world, DOMAIN, "mail", "Ada")
    figures = drafted(world, "all")
    assert figures.period_campaigns == pytest.approx(treat[reached]["spend_cents"] / 100)
    assert launch_campaign(world, DOMAIN, "all", lambda _: None, "Ada").status == "running"
    # it cannot go on: what it gave back is taken
    with pytest.raises(BeyondPeriodError, match="mail would take"):
        resume_campaign(world, DOMAIN, "mail", "Ada")
    assert find_campaign(world, DOMAIN, "mail").status == "paused"
    finish_campaign(world, DOMAIN, "all", "Ada")
    assert resume_campaign(world, DOMAIN, "mail", "Ada").status == "running"
    assert resume_campaign(world, DOMAIN, "mail", "Ada").status == "running"
    finish_campaign(world, DOMAIN, "mail", "Ada")
    assert drafted(world, "next").period_campaigns == figures.period_campaigns


def test_campaigns_that_are_launched_at_the_same_time_do_not_both_pass(world, monkeypatch):
    """Each fits alone: both have chosen their members before either is launched."""
    ids = sorted(listed(world, DOMAIN))
    both = {"odd": frozenset(ids[::2]), "even": frozenset(ids[1::2])}
    needed = [drafted(world, name, among=among).period_needed for name, among in both.items()]
    period_budget(world, sum(needed) - 0.01)
    for name, among in both.items():
        drafted(world, name, among=among)
    together, chosen, done = Barrier(2, timeout=60), [], {}
    choose = life_cycle.choose_members

    def at_once(home, asked, standing):
        found = choose(home, asked, standing)
        chosen.append(asked.campaign_id)
        if len(set(chosen)) < 2 or chosen.count(asked.campaign_id) == 1:
            together.wait()
        return found

    monkeypatch.setattr(life_cycle, "choose_members", at_once)

    def launch(name):
        try:
            done[name] = launch_campaign(world, DOMAIN, name, lambda _: both[name], "Ada").status
        except BeyondPeriodError as refused:
            done[name] = refused.what

    threads = [Thread(target=launch, args=[name]) for name in both]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(chosen) == 3, "whoever is second chooses again"
    assert sorted(words.split()[0] == "running" for words in done.values()) == [False, True]
    (refused,) = [name for name, words in done.items() if words != "running"]
    assert find_campaign(world, DOMAIN, refused).status == "draft"


def test_a_message_that_is_reported_as_a_contact_is_charged_once(world):
    first = launched(world, "mail", choice=MAIL)
    treat = members_of(world, first, "treat")
    one, other, third = sorted(treat)[:3]
    before = drafted(world, "next")
    assert before.period_contacts == 0
    day = date(2017, 4, 1)
    note_contacts(world, DOMAIN, [(one, day, treat[one]["action_id"]), (other, day, "")])
    cents = (treat[one]["spend_cents"] + treat[other]["spend_cents"]) / 100
    now = drafted(world, "next")
    assert now.period_contacts == pytest.approx(cents)
    assert now.period_campaigns == pytest.approx(before.period_campaigns - cents)
    assert now.period_left == pytest.approx(before.period_left)
    # a contact by another action is another contact
    note_contacts(world, DOMAIN, [(third, day, "renewal_reminder")])
    then = drafted(world, "next")
    assert treat[third]["action_id"] != "renewal_reminder"
    assert then.period_campaigns == pytest.approx(now.period_campaigns)
    assert then.period_contacts > now.period_contacts
    # one of the period before is not this one's
    note_contacts(world, DOMAIN, [(third, date(2017, 3, 31), "renewal_reminder")])
    assert drafted(world, "next").period_contacts == pytest.approx(then.period_contacts)


def test_a_campaign_beside_the_published_plan_leaves_the_plan_its_budget(drawn):
    """Half of the plan's customers have the arms of the publish; the campaign is for the others."""
    arms = [row for row in rows(drawn, ASSIGNMENTS) if row["domain"] == DOMAIN]
    plan = [row for row in arms if row["arm"] != "never_treated"]
    others = frozenset(row["customer_id"] for row in plan[::2])
    with writing(drawn) as connection:
        connection.execute(sa.delete(ASSIGNMENTS).where(ASSIGNMENTS.c.customer_id.in_(others)))
    claimed = {
        arm: sum(row["planned_spend_cents"] for row in plan[1::2] if row["arm"] == arm) / 100
        for arm in ("treat", "control")
    }
    figures = drafted(drawn, "beside", among=others)
    assert figures.customers == len(others)
    assert figures.period_plan == pytest.approx(claimed["treat"])
    assert figures.period_control == pytest.approx(claimed["control"])
    period_budget(drawn, sum(claimed.values()) + figures.period_needed - 0.01)
    drafted(drawn, "beside", among=others)
    with pytest.raises(BeyondPeriodError, match="by other customers of the published plan"):
        launch_campaign(drawn, DOMAIN, "beside", lambda _: others, "Ada")
    # for the plan's own customers it takes no more than the plan
    figures = drafted(drawn, "all", budget=sum(claimed.values()))
    assert (figures.period_plan, figures.fixed_treat) == (0, figures.treat)
    assert launch_campaign(drawn, DOMAIN, "all", lambda _: None, "Ada").status == "running"


def test_a_channel_carries_its_contacts_once_over_all_campaigns(world):
    shop, call = "ecommerce", PlanChoice(channels=("call",))
    ids = sorted(listed(world, shop, "channel = 'call'"))
    assert len(ids) == 60, "the demo's plan uses all calls of the period"
    first = launched(world, "calls", shop, frozenset(ids[:50]), choice=call)
    assert first.forecast.customers == 50
    (used,) = drafted(world, "all", shop).channels
    assert (used["channel"], used["capacity"], used["left"], used["needed"]) == ("call", 60, 10, 10)
    # arms that the period drew before all the same need more than is left
    with writing(world) as connection:
        one = rows(world, ASSIGNMENTS, ASSIGNMENTS.c.customer_id == ids[0])[0]
        late = [{**one, "customer_id": name, "arm": "treat"} for name in ids[50:]]
        late.append({**one, "customer_id": "gone", "arm": "treat"})
        connection.execute(sa.insert(ASSIGNMENTS), late)
    (used,) = drafted(world, "all", shop).channels
    assert (used["left"], used["needed"]) == (10, 10)
    note_contacts(world, shop, [("gone", date(2020, 5, 1), one["action_id"])])
    (used,) = drafted(world, "all", shop).channels
    assert (used["left"], used["needed"]) == (9, 10)
    with pytest.raises(BeyondPeriodError, match="10 contacts by call, and 9 of the 60"):
        launch_campaign(world, shop, "all", lambda _: None, "Ada")


@pytest.mark.slow
def test_the_build_counts_what_the_launch_counts_and_plans_with_the_rest(demo_copy, run_churn):
    """Two texts of SQL, one over the state of now and one over its export, and the same figures."""
    home = demo_copy
    campaign = launched(home, "mail", choice=MAIL)
    treat = members_of(home, campaign, "treat")
    reported = min(treat)
    note_contacts(home, DOMAIN, [(reported, date(2017, 4, 1), treat[reported]["action_id"])])
    done = run_churn(home.root, "publish")
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(current_file(home), read_only=True) as connection:
        found = connection.execute(
            "select budget_charged, budget_campaigns, budget_reserved, expected_spend, "
            "campaign_messages from serving.bi_retention_budget where domain = ?",
            [DOMAIN],
        ).fetchone()
        left = connection.execute(
            "select reason, count(*) from serving.bi_churn_actions "
            "where domain = ? and reason in ('in_campaign', 'cool_down') group by all",
            [DOMAIN],
        ).fetchall()
        (listed_still,) = connection.execute(
            "select count(*) from serving.bi_churn_actions where domain = ? "
            "and decision = 'treat' and customer_id in (select unnest(?))",
            [DOMAIN, sorted(treat)],
        ).fetchone()
    # a campaign for nobody else: what stands beside it is all that is taken
    figures = drafted(home, "next", among=frozenset(["nobody"]))
    assert found == pytest.approx(
        (
            figures.period_contacts,
            figures.period_campaigns,
            figures.period_control,
            figures.period_plan,
            len(treat) - 1,
        )
    )
    assert figures.period_campaigns == pytest.approx(
        spend(treat.values()) - treat[reported]["spend_cents"] / 100
    )
    assert dict(left) == {"in_campaign": len(treat) - 1, "cool_down": 1}
    assert listed_still == 0
