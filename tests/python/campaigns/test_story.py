"""A campaign from draft to end, by what is public: a key, HTTP and the command line."""

import json
import shutil
from datetime import date
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pytest
from api_client import problem_of
from receiver import Receiver
from standardwebhooks.webhooks import Webhook

from pipeline.project.generations import current_file
from pipeline.project.home import Home
from pipeline.retention.decisions import save_plan

DOMAIN = "kkbox"
CAMPAIGN = f"/v1/{DOMAIN}/campaigns/{quote('spring offers')}"


@pytest.fixture
def world(demo, tmp_path):
    """The published demo with the arms that its publish drew."""
    home = Home(tmp_path / "world")
    for name in ("published", "models"):
        shutil.copytree(demo[0].root / name, home.root / name, symlinks=True)
    shutil.copy(demo[0].state, home.state)
    return home


@pytest.fixture
def crm():
    receiver = Receiver()
    yield receiver
    receiver.close()


def test_a_campaign_from_draft_to_end(world, start_api, run_churn, crm, monkeypatch):
    # the demo's cut-off is long ago: it is the day after it
    monkeypatch.setenv("CHURN_TODAY", "2017-04-02")
    api = start_api(world, "read", "write", "plan", "approve")

    # An engineer names the receiver; its secret is printed once.
    added = run_churn(
        world.root,
        "endpoints",
        "add",
        "--domain",
        DOMAIN,
        "--name",
        "crm",
        "--url",
        crm.url,
        "--development",
    )
    assert added.returncode == 0, added.stderr
    secret = added.stdout.splitlines()[-1]

    # A marketer saves an audience and drafts a campaign for it.
    audience = {"filter": {"band": ["critical", "high", "medium"]}}
    assert api.put(f"/v1/{DOMAIN}/audiences/worth it", json=audience).status_code == 200
    body = {"budget": 2000.0, "audience": "worth it", "destination": "crm", "explore": 0.03}
    draft = api.put(CAMPAIGN, json=body).json()["campaign"]
    assert draft["status"] == "draft" and draft["figures"] is None

    # Nothing can be launched that nobody looked at.
    early = api.post(f"{CAMPAIGN}/launch?campaign_id={draft['campaign_id']}")
    assert "not previewed" in problem_of(early, 409, "campaign-refused")["detail"]

    # The preview says what it costs and brings, and what it can show.
    figures = api.post(f"{CAMPAIGN}/preview").json()["campaign"]["figures"]
    assert figures["treat"] > 20 and figures["control"] > 2
    assert figures["expected_profit"] > 0
    assert figures["fixed_treat"] + figures["fixed_control"] == figures["customers"]
    assert figures["period_budget"] == 3000 and figures["period_campaigns"] == 0
    assert 0 < figures["period_needed"] <= figures["period_left"] < 3000
    assert {one["channel"] for one in figures["channels"]} == {"call"}
    assert figures["rounds"] >= 1 and figures["smallest_effect"] > figures["expected_effect"]

    # Somebody with the right to approve launches it; asked twice, it is launched once.
    launch = f"{CAMPAIGN}/launch?campaign_id={draft['campaign_id']}"
    problem_of(api.post(f"{CAMPAIGN}/launch?campaign_id=other"), 409, "campaign-changed")
    answers = [api.post(launch, headers={"Idempotency-Key": "launch-1"}) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[1].headers["idempotent-replayed"] == "true"
    launched = answers[0].json()["campaign"]
    assert launched["status"] == "running" and launched["members_hash"]
    assert launched["messages"] == {"pending": figures["treat"]}
    assert api.get(f"{CAMPAIGN}/result").json()["result"] is None
    members = api.items(f"{CAMPAIGN}/members?limit=50")
    treat = {one["customer_id"] for one in members if one["arm"] == "treat"}
    control = {one["customer_id"] for one in members if one["arm"] == "control"}
    bands = {one["risk_band"] for one in members}
    assert len(treat) == figures["treat"] and len(control) == figures["control"]
    assert bands <= {"critical", "high", "medium"}

    # After the launch one customer asks not to be contacted, and the CRM reaches another by itself.
    asks, called = sorted(treat)[:2]
    marks = {"suppressions": [{"customer_id": asks, "reason": "asked"}]}
    assert api.post(f"/v1/{DOMAIN}/suppressions", json=marks).status_code == 201
    contacts = {"contacts": [{"customer_id": called, "contacted_on": "2017-04-02"}]}
    assert api.post(f"/v1/{DOMAIN}/contacts", json=contacts).status_code == 201

    # The dispatcher sends the rest. The CRM checks each signature by its own library.
    sent = run_churn(world.root, "dispatch", "--once")
    assert sent.returncode == 0, sent.stderr
    assert "delivered" in sent.stdout and "2 not sent" in sent.stdout
    for request in crm.got:
        told = Webhook(secret).verify(request["body"], request["headers"])
        assert told["data"]["campaign"] == "spring offers"
    assert sorted(crm.customers()) == sorted(treat - {asks, called})
    assert not set(crm.customers()) & control

    # The CRM reports whom it contacted.
    report = {
        "contacts": [
            {
                "customer_id": json.loads(request["body"])["data"]["customer_id"],
                "contacted_on": "2017-04-02",
                "action_id": json.loads(request["body"])["data"]["action_id"],
            }
            for request in crm.got
        ]
    }
    assert api.post(f"/v1/{DOMAIN}/contacts", json=report).json()["added"] == len(crm.got)

    # Another campaign takes none of them while this one runs; a control is control in it, too.
    body = {"budget": 2000.0, "destination": "csv"}
    path = f"/v1/{DOMAIN}/campaigns/everybody"
    second = api.put(path, json=body).json()["campaign"]
    rest = api.post(f"{path}/preview").json()["campaign"]["figures"]
    # who asked not to be contacted is counted there
    assert rest["in_another_campaign"] == len(members) - 1 and rest["suppressed"] >= 1
    assert api.post(f"{path}/launch?campaign_id={second['campaign_id']}").status_code == 200
    others = {one["customer_id"] for one in api.items(f"{path}/members?limit=500")}
    assert others and not others & (treat | control)

    # It ends. What was decided, and by whom, is on record.
    paused = api.post(f"{CAMPAIGN}/pause").json()["campaign"]
    assert paused["status"] == "paused"
    finished = api.post(f"{CAMPAIGN}/finish").json()["campaign"]
    assert finished["status"] == "finished"
    assert finished["messages"] == {"delivered": len(crm.got), "withheld": 2}
    problem_of(api.post(f"{CAMPAIGN}/resume"), 409, "campaign-refused")
    decided = {(row["what"], row["subject"]) for row in api.items(f"/v1/{DOMAIN}/audit")}
    for what in ("drafted", "launched", "paused", "finished"):
        assert (f"{what} a campaign", "spring offers") in decided
    assert ("added an endpoint", "crm") in decided

    # A third one in the period meets the same people again: their arms stay.
    path = f"/v1/{DOMAIN}/campaigns/again"
    third = api.put(path, json={**body, "audience": "worth it"}).json()["campaign"]
    again = api.post(f"{path}/preview").json()["campaign"]["figures"]
    assert again["control"] == again["fixed_control"] == len(control)
    # whoever was contacted stays in the arm and gets no second message
    assert again["cooling"] >= len(crm.got)
    assert api.post(f"{path}/launch?campaign_id={third['campaign_id']}").status_code == 200
    arms = {one["customer_id"]: one["arm"] for one in api.items(f"{path}/members?limit=500")}
    assert {name for name, arm in arms.items() if arm == "control"} == control


def test_a_launch_beyond_the_period_is_a_problem_with_its_figures(world, start_api):
    api = start_api(world, "read", "plan", "approve")
    save_plan(world, DOMAIN, 10_000, None)
    draft = api.put(CAMPAIGN, json={"budget": 2000.0, "explore": 0}).json()["campaign"]
    figures = api.post(f"{CAMPAIGN}/preview").json()["campaign"]["figures"]
    assert (figures["period_budget"], figures["period_left"]) == (100, 100)
    assert figures["period_needed"] > 100
    refused = api.post(f"{CAMPAIGN}/launch?campaign_id={draft['campaign_id']}")
    told = problem_of(refused, 409, "beyond-period")["detail"]
    assert f"{figures['period_needed']:,.2f}" in told and "100.00 of 100.00 is left" in told
    # the plan that is published is for a larger budget
    assert "publish the plan at the period's budget of now" in told


def test_a_result_has_the_lift_over_all_customers_and_an_early_sign(world, start_api, run_churn):
    of = ("--domain", DOMAIN, "--name", "spring offers")
    for step in (("draft", *of, "--budget", 100), ("preview", *of), ("launch", *of, "--json")):
        done = run_churn(world.root, "campaign", *step)
        assert done.returncode == 0, done.stderr
    campaign_id = json.loads(done.stdout)["campaign_id"]
    row = {
        "domain": DOMAIN,
        "campaign_id": campaign_id,
        "verdict_code": "decide_now",
        "outcomes_known": 90,
        "effect": 0.08,
        "ci_low": 0.02,
        "ci_high": 0.14,
        "customers_scored": 1000,
        "coverage": 0.25,
        "global_lift": 0.02,
        "global_lift_low": 0.005,
        "global_lift_high": 0.035,
        "early_sign_on": date(2026, 12, 30),
        "early_sign": -0.03,
        "early_sign_low": -0.05,
        "early_sign_high": -0.01,
    }
    # as a publish after the launch has it
    with duckdb.connect(current_file(world)) as published:
        published.register("made", pa.Table.from_pylist([row]))
        published.execute("insert into serving.bi_campaigns by name from made")
    result = start_api(world, "read").get(f"{CAMPAIGN}/result").json()["result"]
    assert (result["verdict"], result["effect"]) == ("decide_now", 0.08)
    assert result["global_lift"] == {
        "customers_scored": 1000,
        "coverage": 0.25,
        "lift": 0.02,
        "ci_low": 0.005,
        "ci_high": 0.035,
    }
    assert result["early_sign"] == {
        "as_of_date": "2026-12-30",
        "score_change": -0.03,
        "ci_low": -0.05,
        "ci_high": -0.01,
        "is_effect": False,
    }
    problem_of(
        start_api(world, "read").get(f"/v1/{DOMAIN}/campaigns/none/result"), 404, "unknown-campaign"
    )


def test_settings_that_worked_are_kept_and_used_again(world, start_api, run_churn):
    api = start_api(world, "read", "plan")
    body = {"budget": 300.0, "filter": {"bands": ["critical"]}, "explore": 0.1}
    assert api.put(CAMPAIGN, json=body).status_code == 200
    kept = f"/v1/{DOMAIN}/playbooks/{quote('win back')}"
    problem_of(api.put(kept, json={"campaign": "gone"}), 404, "unknown-campaign")
    saved = api.put(kept, json={"campaign": "spring offers"}).json()["playbook"]
    assert saved["filter"]["bands"] == ["critical"] and saved["campaigns"] == ["spring offers"]
    problem_of(
        api.put(f"/v1/{DOMAIN}/playbooks/gone/draft", json={"campaign": "x"}),
        404,
        "unknown-playbook",
    )
    made = api.put(f"{kept}/draft", json={"campaign": "summer", "budget": 20.0}).json()["campaign"]
    assert (made["status"], made["budget"], made["explore"]) == ("draft", 20.0, 0.1)
    assert made["filter"] == saved["filter"]
    of = ("campaign", "draft", "--domain", DOMAIN, "--name", "autumn", "--playbook", "win back")
    done = run_churn(world.root, *of, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["budget_cents"] == 30_000
    refused = run_churn(world.root, *of, "--band", "high")
    assert refused.returncode == 2 and "has its own settings" in refused.stderr
    (listed,) = api.get(f"/v1/{DOMAIN}/playbooks").json()["items"]
    assert listed["campaigns"] == ["autumn", "spring offers", "summer"]
    # none of them has an outcome yet
    assert listed["achieved"] == []
    shown = run_churn(world.root, "campaign", "playbooks", "--domain", DOMAIN)
    assert "win back" in shown.stdout and "not known yet" in shown.stdout
    assert api.delete(kept).json()["deleted"] == 1
    assert api.get(f"/v1/{DOMAIN}/playbooks").json()["items"] == []


def test_what_did_not_arrive_is_listed_and_sent_again(world, start_api, run_churn, crm):
    api = start_api(world, "read", "plan", "approve")
    # an address of this machine, which only development allows: refused, and final at once
    url = crm.url.replace("http:", "https:")
    names = ("--domain", DOMAIN, "--name", "crm")
    assert run_churn(world.root, "endpoints", "add", *names, "--url", url).returncode == 0
    draft = api.put(CAMPAIGN, json={"budget": 50.0, "destination": "crm"}).json()["campaign"]
    api.post(f"{CAMPAIGN}/preview")
    assert api.post(f"{CAMPAIGN}/launch?campaign_id={draft['campaign_id']}").status_code == 200
    assert "refused address" in run_churn(world.root, "dispatch", "--once").stdout
    letters = api.items(f"/v1/{DOMAIN}/dead-letters?limit=50")
    assert letters and {one["ended_because"] for one in letters} == {"refused address"}
    one = letters[0]["message_id"]
    replays = f"/v1/{DOMAIN}/dead-letters/replays"
    assert api.post(replays, json={"messages": [one]}).json()["replayed"] == 1
    assert one not in {row["message_id"] for row in api.items(f"/v1/{DOMAIN}/dead-letters")}
    problem_of(api.post(replays, json={"messages": ["msg_x"]}), 409, "campaign-refused")
    problem_of(api.post(replays, json={}), 409, "campaign-refused")
    listed = run_churn(world.root, "endpoints", "dead", "--domain", DOMAIN, "--json")
    assert len(json.loads(listed.stdout)) == len(letters) - 1
    done = run_churn(world.root, "endpoints", "replay", "--domain", DOMAIN, "--since", "2020-01-01")
    assert f"{len(letters) - 1:,} messages" in done.stdout
    rotated = run_churn(world.root, "endpoints", "rotate", *names)
    assert rotated.stdout.splitlines()[-1].startswith("whsec_")
    (endpoint,) = json.loads(
        run_churn(world.root, "endpoints", "list", "--domain", DOMAIN, "--json").stdout
    )
    assert endpoint["status"] == "active" and "secret" not in endpoint


def test_the_api_sends_messages_by_itself_if_it_is_told_to(world, run_churn, crm):
    import time

    from benchmarks.http_load import serving

    names = ("--domain", DOMAIN, "--name", "crm")
    run_churn(world.root, "endpoints", "add", *names, "--url", crm.url, "--development")
    of = ("--domain", DOMAIN, "--name", "spring")
    run_churn(world.root, "campaign", "draft", *of, "--budget", 20, "--to", "crm")
    run_churn(world.root, "campaign", "preview", *of)
    done = run_churn(world.root, "campaign", "launch", *of, "--json")
    assert done.returncode == 0, done.stderr
    count = json.loads(done.stdout)["messages"]["pending"]
    with serving(world, "api", "--port", "0", "--dispatch"):
        until = time.monotonic() + 60
        while len(crm.got) < count and time.monotonic() < until:
            time.sleep(0.2)
    assert len(set(crm.ids())) == count
