"""The demo's published plan: guards, budget, hold-out, words; and what a saved plan changes."""

import csv
import re

import duckdb
import pytest
import yaml

from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT
from pipeline.publish.generation import current
from pipeline.report.plan import holdout_words
from pipeline.retention.catalogue import CATALOGUE
from pipeline.retention.decisions import ASSIGNMENTS, CONTACTS, SUPPRESSIONS, read_state
from pipeline.retention.plan import make_retention_plan
from pipeline.warehouse import fingerprint

DOMAINS = tuple(domain_entries())


def ask(home, sql):
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def actions(demo):
    with duckdb.connect(str(current(demo[0]).path), read_only=True) as connection:
        found = connection.sql(
            "select actions.*, already_cancelled, auto_renew.segment_value_code as auto_renew "
            "from serving.bi_churn_actions as actions "
            "inner join serving.bi_churn_risk using (domain, customer_id) "
            "left join (from serving.bi_customer_segments where segment = 'auto_renew') "
            "as auto_renew using (domain, customer_id) order by domain, customer_id"
        )
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


@pytest.fixture(scope="module")
def catalogue():
    with CATALOGUE.open(newline="") as file:
        return {row["action_id"]: row for row in csv.DictReader(file)}


def test_everybody_scored_has_a_decision_and_whoever_is_left_a_reason(demo, actions):
    scored = ask(demo[0], "select count(*) from serving.bi_churn_risk")[0][0]
    assert len(actions) == scored
    for row in actions:
        assert (
            (row["decision"] == "treat") == (row["reason"] is None) == (row["reason_words"] is None)
        )
    assert {row["decision"] for row in actions} == {"treat", "hold_out", "leave"}


def test_an_action_answers_a_driver_pays_and_fits_before_the_day(actions, catalogue):
    planned = [row for row in actions if row["planned_action"]]
    assert len(planned) > 100
    for row in planned:
        action = catalogue[row["planned_action"]]
        assert action["domain"] == row["domain"]
        assert row["theme"] in action["themes"].split("|")
        is_cancelled = row["already_cancelled"]
        assert is_cancelled is None or is_cancelled == (action["condition"] == "cancelled")
        if action["condition"] == "auto_renew_off":
            assert row["auto_renew"] == "no"
        assert row["expected_profit"] > 0
        assert row["churn_probability"] > row["break_even_probability"] - 1e-9
        assert row["evidence"] == "assumed"
        if row["due_on"]:
            assert (row["due_on"] - row["as_of_date"]).days >= int(action["lead_days"])


def number(cell):
    return float(cell) if re.fullmatch(r"[0-9.]+", cell) else cell


def mean(action, kind):
    return action[f"{kind}_alpha"] / (action[f"{kind}_alpha"] + action[f"{kind}_beta"])


def test_the_expected_profit_is_the_formula_in_cents(demo, actions, catalogue):
    entries = domain_entries()
    costs = {
        tuple(key): cost
        for *key, cost in ask(
            demo[0], "select domain, customer_id, leaving_cost from serving.bi_churn_risk"
        )
    }
    for row in [row for row in actions if row["planned_action"]][::7]:
        action = {name: number(cell) for name, cell in catalogue[row["planned_action"]].items()}
        p, save, accept = row["churn_probability"], mean(action, "save"), mean(action, "accept")
        offer, contact = action["incentive_cost"], action["contact_cost"]
        cost = costs[row["domain"], row["customer_id"]]
        # over 1 where the measured days hold the holidays and the value's year one of them
        assert cost < 1.1 * row["customer_value"]
        kept = cost * entries[row["domain"]].gross_margin - offer
        profit = p * save * kept - (1 - p) * accept * offer - contact
        assert abs(profit - row["expected_profit"]) <= 0.0051
        assert (
            abs(contact + offer * (p * save + (1 - p) * accept) - row["expected_spend"]) <= 0.0051
        )
        p_star = row["break_even_probability"]
        assert p_star * save * kept - (1 - p_star) * accept * offer == pytest.approx(contact)


def test_nobody_guarded_is_planned_and_silent_renewers_are_left_alone(demo, actions):
    for row in actions:
        if row["is_suppressed"] or row["is_never_treated"] or row["reason"] == "left_alone":
            assert row["planned_action"] is None
    words = {row["reason_words"] for row in actions if row["reason"] == "left_alone"}
    assert any("Silent auto-renewer" in said for said in words)


def test_two_in_a_hundred_are_never_treated_whatever_the_plan(actions):
    share = sum(row["is_never_treated"] for row in actions) / len(actions)
    assert 0.01 < share < 0.03


def test_the_first_draw_of_a_period_holds_out_the_set_share(demo, actions):
    shares = dict(ask(demo[0], "select domain, holdout_share from serving.bi_retention_budget"))
    for domain, share in shares.items():
        held = [
            row["decision"] == "hold_out"
            for row in actions
            if row["planned_action"] and row["domain"] == domain
        ]
        assert len(held) > 100
        assert abs(sum(held) - share * len(held)) < 4 * (share * (1 - share) * len(held)) ** 0.5


def test_arms_and_their_period_are_published_and_kept(demo, actions):
    entries = domain_entries()
    published = {
        (row["domain"], row["period_start"], row["customer_id"]): row["arm"]
        for row in actions
        if row["arm"]
    }
    assert set(published.values()) == {"treat", "control", "never_treated"}
    assert {row[:3]: row[3] for row in read_state(demo[0], ASSIGNMENTS)} == published
    for row in actions:
        start, days = row["period_start"], entries[row["domain"]].retention.period_days
        assert 0 <= (row["as_of_date"] - start).days < days
        assert (start - entries[row["domain"]].retention.period_start).days % days == 0
        assert {"treat": "treat", "hold_out": "control"}.get(row["decision"], row["arm"]) == (
            row["arm"]
        )


def test_headline_figures_are_those_of_the_list_and_the_control_group_stands_beside(demo, actions):
    for domain, *figures in ask(
        demo[0],
        "select domain, customers, expected_spend, expected_profit, control_customers, "
        "control_spend, control_profit from serving.bi_retention_budget",
    ):
        sums = []
        for decision in ("treat", "hold_out"):
            group = [
                row for row in actions if (row["domain"], row["decision"]) == (domain, decision)
            ]
            sums += [
                len(group),
                sum(row["expected_spend"] for row in group),
                sum(row["expected_profit"] for row in group),
            ]
        assert figures == pytest.approx(sums)


def test_the_plan_stays_within_its_budget_and_beats_the_alternatives_by_its_own_lights(demo):
    for domain, budget, spend, profit, bound, gap in ask(
        demo[0],
        "select domain, budget, expected_spend + control_spend, expected_profit + control_profit, "
        "profit_bound, gap_to_bound from serving.bi_retention_budget",
    ):
        assert spend <= budget
        assert profit <= bound and gap == pytest.approx(bound - profit)
        others = dict(
            ask(
                demo[0],
                "select strategy, expected_profit from serving.bi_retention_alternatives "
                f"where domain = '{domain}'",
            )
        )
        assert set(others) == {"plan", "nobody", "top_decile", "everybody_at_risk", "random"}
        assert others["plan"] == pytest.approx(profit) and others["nobody"] == 0
        assert max(others.values()) == others["plan"]


def test_the_plans_rows_add_up_to_the_scored_customers(demo, actions):
    (total,) = ask(demo[0], "select sum(customers)::bigint from serving.bi_retention_plan")[0]
    assert total == len(actions)


def test_churn_plan_shows_the_published_plan_and_writes_nothing(demo, run_churn):
    home = demo[0]
    before = sorted((path, path.stat().st_mtime_ns) for path in home.root.rglob("*.*"))
    for domain in DOMAINS:
        plan = make_retention_plan(home, domain)
        ((profit, customers),) = ask(
            home,
            "select expected_profit, customers from serving.bi_retention_budget "
            f"where domain = '{domain}'",
        )
        assert plan.figures["profit_cents"] == round(100 * profit)
        assert plan.figures["customers"] == customers
    done = run_churn(home.root, "plan", "--domain", DOMAINS[0], "--budget", 100, "--holdout", 0.2)
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    for words in (
        "of NT$100.00",
        "Held out: 20%",
        "Nothing was saved",
        "assumed",
        "more harm than good",
    ):
        assert words in told
    assert sorted((path, path.stat().st_mtime_ns) for path in home.root.rglob("*.*")) == before


def test_a_larger_budget_never_earns_less_and_the_last_unit_ever_less(demo):
    plans = [make_retention_plan(demo[0], DOMAINS[0], budget=b).figures for b in (0, 20, 100, 1e6)]
    profits = [int(figures["chosen_profit_cents"]) for figures in plans]
    assert profits == sorted(profits) and profits[0] >= 0
    marginals = [figures["marginal_profit"] for figures in plans]
    assert marginals == sorted(marginals, reverse=True) and marginals[-1] == 0


def test_a_plan_that_cannot_be_measured_says_how_many_it_would_take(demo):
    small = make_retention_plan(demo[0], DOMAINS[0], budget=50).figures
    words = " ".join(holdout_words(small))
    assert not small["can_be_measured"]
    assert "Pool campaigns: it takes" in words
    n10, n50 = small["customers_needed_at_10"], small["customers_needed_at_50"]
    assert n10 > n50 > small["customers"]
    # two proportions at 5 % and 80 %: the effect is 2.8 standard errors of the difference
    p, effect = small["churn_without"], small["effect"]
    variance = p * (1 - p) / (0.5 * n50) + (p - effect) * (1 - p + effect) / (0.5 * n50)
    assert effect / variance**0.5 == pytest.approx(1.959964 + 0.841621, rel=0.01)


def test_a_change_of_the_plans_settings_is_no_change_of_what_is_learned(monkeypatch, tmp_path):
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    entry = project["vars"]["churn_domains"][DOMAINS[0]]
    assert "retention" in entry
    before = fingerprint.sql_fingerprint()
    entry["retention"]["budget"] += 1
    text = yaml.safe_dump(project)
    monkeypatch.setattr(fingerprint.yaml, "safe_load", lambda _: yaml.load(text, yaml.SafeLoader))
    assert fingerprint.sql_fingerprint() == before
    entry["gross_margin"] = 0.9
    text = yaml.safe_dump(project)
    assert fingerprint.sql_fingerprint() != before


def test_plan_without_scores_and_a_budget_by_set_are_refused(home, run_churn):
    done = run_churn(home.root, "plan", "--domain", DOMAINS[0])
    assert done.returncode == 1 and "nothing to plan yet" in done.stderr
    done = run_churn(home.root, "build", "--domain", DOMAINS[0], "--set", "retention={}")
    assert done.returncode == 1 and "--save" in " ".join(done.stderr.split())


def test_saved_plan_suppressions_and_contacts_reach_readers_and_train_nothing(
    demo_copy, run_churn, tmp_path
):
    home, domain = demo_copy, DOMAINS[0]
    treated = [
        row[0]
        for row in ask(
            home,
            "select customer_id from serving.bi_churn_actions "
            f"where domain = '{domain}' and decision = 'treat' order by all limit 2",
        )
    ]
    (as_of,) = ask(
        home, f"select max(as_of_date) from serving.bi_churn_actions where domain = '{domain}'"
    )[0]
    asked, phoned = tmp_path / "asked.csv", tmp_path / "phoned.csv"
    asked.write_text(f"customer_id,reason\n{treated[0]},asked not to be written to\n")
    phoned.write_text(f"customer_id,contacted_on,action_id\n{treated[1]},{as_of},\n")
    for _ in range(2):  # the same file twice is the same as once
        for command, file in (("suppress", asked), ("contacts", phoned)):
            done = run_churn(home.root, command, "--domain", domain, "--file", file)
            assert done.returncode == 0, done.stderr
    assert "0 of them new" in done.stdout
    assert [row[:2] for row in read_state(home, SUPPRESSIONS)] == [(domain, treated[0])]
    assert len(read_state(home, CONTACTS)) == 1

    models = sorted(home.models.rglob("recipe.json"))
    done = run_churn(home.root, "plan", "--domain", domain, "--budget", 77, "--save")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "build:" not in done.stdout
    # inside a period the draft promises what the publish cannot give; both are told
    ((customers, spend),) = ask(
        home,
        "select customers, expected_spend from serving.bi_retention_budget "
        f"where domain = '{domain}'",
    )
    told = " ".join(done.stdout.split())
    assert re.search(
        rf"Published: {customers:,} customers to contact, expected spend \S+?{spend:,.2f} of", told
    ), done.stdout
    assert "keep it, and their spend is set aside first" in told
    assert sorted(home.models.rglob("recipe.json")) == models
    budget = dict(ask(home, "select domain, budget from serving.bi_retention_budget"))
    assert budget[domain] == 77
    told = {
        row[0]: row[1:]
        for row in ask(
            home,
            "select customer_id, decision, reason, reason_words from serving.bi_churn_actions",
        )
    }
    assert told[treated[0]] == (
        "leave",
        "suppressed",
        "Marked do-not-contact: asked not to be written to",
    )
    assert told[treated[1]][:2] == ("leave", "cool_down")
    assert re.search(r"cooling off until \d{4}-\d\d-\d\d", told[treated[1]][2])
    crm = ask(
        home,
        "select is_suppressed, suppression_reason, recommended_action "
        f"from serving.crm_churn_actions where crm_key = '{domain}:{treated[0]}'",
    )
    assert crm == [(True, "asked not to be written to", None)]
    done = run_churn(home.root, "publish")
    assert "is current" in done.stdout, "a publish with unchanged inputs makes no generation"


def test_a_wrong_domain_is_refused_in_words(home):
    with pytest.raises(ChurnError):
        make_retention_plan(home, "nope")
