"""Drafts of plans: kept by name, whole with their customers, and approved by whom may."""

from urllib.parse import quote

import pytest
from api_client import problem_of

from pipeline.project.errors import ChurnError
from pipeline.retention import decisions, drafts
from pipeline.retention.decisions import PLANS, read_state
from pipeline.retention.drafts import customers_file

CHANNEL = "email"


@pytest.fixture
def planner(demo_copy, start_api):
    return start_api(demo_copy, "read", "plan", "approve", "write")


@pytest.fixture
def domain(planner):
    items = planner.get("/v1/domains").json()["items"]
    return next(item["domain"] for item in items if item["run_id"])


def path(domain, name):
    return f"/v1/{domain}/drafts/{quote(name, safe='')}"


def test_a_draft_is_the_trial_of_the_same_settings_and_changes_nothing(planner, domain):
    settings = {"budget": 500, "holdout": 0.2, "filter": {"channels": [CHANNEL], "at_risk": True}}
    trial = planner.post(f"/v1/{domain}/plans", json=settings).json()
    published = planner.get(f"/v1/{domain}/plan").json()
    drawn = read_state(planner.home, decisions.ASSIGNMENTS)
    draft = planner.put(path(domain, "spring, no calls"), json=settings).json()["draft"]
    for name in ("customers", "expected_spend", "expected_profit", "control_customers"):
        assert draft["figures"][name] == trial["budget"][name], name
    assert draft["budget"] == 500 and draft["holdout"] == 0.2
    assert draft["filter"]["channels"] == [CHANNEL] and draft["filter"]["at_risk"] is True
    assert draft["made_by"].startswith("test ") and draft["is_plan"] is False
    assert planner.get(f"/v1/{domain}/plan").json() == published
    assert read_state(planner.home, PLANS) == []
    assert read_state(planner.home, decisions.ASSIGNMENTS) == drawn


def test_its_customers_are_those_of_its_figures_and_one_who_is_suppressed_is_gone_at_once(
    planner, domain
):
    settings = {"filter": {"channels": [CHANNEL]}}
    draft = planner.put(path(domain, "mail"), json=settings).json()["draft"]
    listed = planner.items(f"{path(domain, 'mail')}/customers?decision=treat&limit=7")
    assert len(listed) == draft["figures"]["customers"] > 7
    assert {row["channel"] for row in listed} == {CHANNEL}
    spend = sum(row["expected_spend"] for row in listed)
    assert spend == pytest.approx(draft["figures"]["expected_spend"])
    control = planner.items(f"{path(domain, 'mail')}/customers?decision=hold_out")
    assert len(control) == draft["figures"]["control_customers"]
    assert not {row["customer_id"] for row in listed} & {row["customer_id"] for row in control}
    one = listed[0]["customer_id"]
    body = {"suppressions": [{"customer_id": one, "reason": "asked"}]}
    assert planner.post(f"/v1/{domain}/suppressions", json=body).status_code == 201
    now = planner.items(f"{path(domain, 'mail')}/customers?decision=treat")
    assert {row["customer_id"] for row in listed} - {row["customer_id"] for row in now} == {one}


def test_saving_a_name_anew_replaces_it_and_its_file(planner, domain):
    first = planner.put(path(domain, "a"), json={"budget": 100}).json()["draft"]
    looked_at = drafts.find_draft(planner.home, domain, "a")
    second = planner.put(path(domain, "a"), json={"budget": 200}).json()["draft"]
    assert first["draft_id"] != second["draft_id"]
    assert [one["budget"] for one in planner.items(f"/v1/{domain}/drafts")] == [200]
    files = [customers_file(planner.home, domain, one["draft_id"]) for one in (first, second)]
    assert [file.exists() for file in files] == [False, True]
    # what was looked at is gone, so that nobody approves what they have not seen
    answer = planner.post(f"{path(domain, 'a')}/approval?draft_id={first['draft_id']}")
    problem_of(answer, 409, "draft-changed")
    with pytest.raises(ChurnError, match="changed or deleted"):
        drafts.approve_draft(planner.home, looked_at, "somebody")
    assert read_state(planner.home, PLANS) == []
    assert planner.delete(path(domain, "a")).json()["forgotten"] == 1
    assert planner.delete(path(domain, "a")).json()["forgotten"] == 0
    assert not files[1].exists()
    problem_of(planner.get(path(domain, "a")), 404, "unknown-draft")


def test_one_draft_too_many_is_told_and_leaves_no_list_of_customers(planner, domain, monkeypatch):
    monkeypatch.setattr(drafts, "MOST", 1)
    planner.put(path(domain, "a"), json={"budget": 100})
    problem_of(planner.put(path(domain, "b"), json={"budget": 100}), 409, "too-many-drafts")
    assert [one["name"] for one in planner.items(f"/v1/{domain}/drafts")] == ["a"]
    assert len(list(planner.home.drafts.rglob("*.parquet"))) == 1


def test_an_approved_draft_is_the_plan_from_the_next_publish_on(planner, domain, run_churn):
    lines = planner.get(f"/v1/{domain}/plan?limit=500").json()["items"]
    action = next(row["action_id"] for row in lines if row["channel"] == CHANNEL)
    settings = {"budget": 400, "filter": {"channels": [CHANNEL], "actions": [action]}}
    draft = planner.put(path(domain, "mail"), json=settings).json()["draft"]
    answer = planner.post(f"{path(domain, 'mail')}/approval?draft_id={draft['draft_id']}").json()
    assert answer["draft"]["is_plan"] and answer["draft"]["approved_by"].startswith("test ")
    before = planner.get(f"/v1/{domain}/plan?limit=500").json()
    drawn = {row["channel"] for row in before["items"] if row["decision"] == "treat"}
    assert drawn != {CHANNEL}, "the published plan has other channels"
    done = run_churn(planner.home.root, "publish")
    assert done.returncode == 0, done.stdout + done.stderr
    after = planner.get(f"/v1/{domain}/plan?limit=500").json()
    assert after["generation"] != before["generation"]
    assert after["budget"]["budget"] == 400
    treated = [row for row in after["items"] if row["decision"] == "treat"]
    assert treated and {row["channel"] for row in treated} == {CHANNEL}
    reasons = {row["reason"] for row in after["items"]}
    assert "actions_left_out" in reasons
    assert sum(row["customers"] for row in after["items"]) == sum(
        row["customers"] for row in before["items"]
    )
    # a trial without a filter keeps the plan's; one with an empty filter is for everybody
    kept = planner.post(f"/v1/{domain}/plans", json={}).json()
    assert kept["budget"]["customers"] == after["budget"]["customers"]
    free = planner.post(f"/v1/{domain}/plans", json={"filter": {}}).json()
    channels = {row["channel"] for row in free["items"] if row["decision"] == "treat"}
    assert channels > {CHANNEL}


def test_a_name_that_does_not_exist_is_told_and_nothing_is_saved(planner, domain):
    answer = planner.put(path(domain, "a"), json={"filter": {"channels": ["pigeon"]}})
    fault = problem_of(answer, 422)["errors"][0]
    assert fault["pointer"] == "#/filter/channels" and CHANNEL in fault["detail"]
    assert planner.items(f"/v1/{domain}/drafts") == []


@pytest.mark.long  # over HTTP in test_an_approved_draft_is_the_plan_from_the_next_publish_on
def test_the_terminal_approves_a_draft_and_publishes_it(planner, domain, run_churn):
    planner.put(path(domain, "mail"), json={"budget": 300, "filter": {"channels": [CHANNEL]}})
    command = ("plan", "--domain", domain, "--approve")
    done = run_churn(planner.home.root, *command, "post")
    assert done.returncode == 1 and "no draft 'post'" in done.stderr
    done = run_churn(planner.home.root, *command, "mail", "--budget", 5)
    assert done.returncode == 2 and "its own settings" in done.stderr
    done = run_churn(planner.home.root, *command, "mail")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Published: " in done.stdout
    plan = planner.get(f"/v1/{domain}/plan?limit=500").json()
    assert plan["budget"]["budget"] == 300
    assert {row["channel"] for row in plan["items"] if row["decision"] == "treat"} == {CHANNEL}
    (draft,) = planner.items(f"/v1/{domain}/drafts")
    assert draft["is_plan"] and draft["approved_by"].endswith("(command line)")
