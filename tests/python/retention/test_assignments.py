"""An arm is drawn once a period and stays; budget and channels are spent once a period."""

from collections import Counter
from datetime import date, timedelta

import pytest
from periods import TOPS, Period, arms, held_out, period_sql, treated

from pipeline.project.domains import domain_entries
from pipeline.project.home import Home

DOMAINS = tuple(domain_entries())


@pytest.fixture(scope="module")
def sql(tmp_path_factory, run_dbt):
    home = Home(tmp_path_factory.mktemp("compiled"))
    done = run_dbt(home.root, "compile", "--select", *(f"+{top}" for top in TOPS))
    assert done.returncode == 0, done.stdout[-3000:]
    return period_sql(home)


def first_day(domain):
    """The first day of a period."""
    retention = domain_entries()[domain].retention
    return retention.period_start + timedelta(days=5 * retention.period_days)


@pytest.fixture(params=DOMAINS)
def period(request, sql):
    made = Period(sql, request.param, 600, first_day(request.param))
    made.score()
    return made


def spent(period):
    return sum(
        row[0]
        for row in period.connection.execute(
            "select charged_cents from int_churn__contacts_charged"
        ).fetchall()
    )


def test_arms_are_a_threshold_of_a_hash_and_the_share_comes_out(period):
    period.budget = 1e6
    first = period.publish()
    drawn = Counter(arms(first).values())
    chosen = drawn["treat"] + drawn["control"]
    assert chosen > 300
    assert abs(drawn["control"] - 0.2 * chosen) < 4 * (0.2 * 0.8 * chosen) ** 0.5
    assert 0 < drawn["never_treated"] < 0.05 * period.customers
    # no ranks: who is drawn does not depend on who else is there
    gone = set(list(treated(first))[::2])
    alone = Period(period.sql, period.domain, period.customers, period.day, budget=1e6)
    alone.out_of_scope = gone
    alone.score()
    same = arms(alone.publish())
    assert all(same[customer] == arm for customer, arm in arms(first).items() if customer in same)


def test_a_save_rate_that_campaigns_measured_moves_the_next_plan(period):
    """Before: nobody gets the action that saves few. After: whoever it pays for does."""
    before = Counter(row["planned_action"] for row in period.publish().values())
    (worst,) = before.most_common()[-1:]
    other = Period(period.sql, period.domain, period.customers, period.day, budget=1e6)
    action = worst[0] or before.most_common(1)[0][0]
    other.connection.execute(
        "insert into int_churn__save_rates_learned values (?, ?, 0.9, 0.02, 2, 1234)",
        [other.domain, action],
    )
    other.score()
    decided = other.publish()
    after = Counter(row["planned_action"] for row in decided.values())
    assert after[action] > before[action]
    row = next(row for row in decided.values() if row["planned_action"] == action)
    assert (row["evidence"], row["evidence_code"]) == ("measured, n = 1234", "measured")
    told = other.connection.execute(
        "select priors_source, assumed_save_rate from int_churn__actions_catalogued "
        "where action_id = ?",
        [action],
    ).fetchone()
    assert told[0].startswith("2 campaigns with control groups; before them: ")
    assert told[1] < 0.9


def test_contacts_of_everybody_to_be_treated_dissolve_no_control_group(period):
    first = period.publish()
    controls = held_out(first)
    assert len(controls) > 10 and len(treated(first)) > 40
    period.contact(treated(first).items())
    period.next_day()
    period.score(run="second", moved=0.1)
    second = period.publish()
    assert held_out(second) >= controls, "a control was released"
    for customer in treated(first):
        row = second[customer]
        assert (row["decision"], row["reason"], row["arm"]) == ("leave", "cool_down", "treat")


def test_bands_models_shares_and_plans_move_no_arm(period):
    before = arms(period.publish())
    bands = {name: row["risk_band"] for name, row in period.decisions().items()}
    for change in ("risk", "share", "budget", "share and budget"):
        period.next_day()
        period.score(run=change, moved=0.5)
        period.holdout = 0.5 if "share" in change else 0.2
        period.budget = 900.0 if "budget" in change else 400.0
        now = period.publish()
        assert {name: now[name]["arm"] for name in before} == before
        assert held_out(now) >= {name for name, arm in before.items() if arm == "control"}
        assert not any(before.get(name) == "control" for name in treated(now))
        assert not any(before.get(name) == "treat" for name in held_out(now))
    assert sum(now[name]["risk_band"] != bands[name] for name in bands) > 100


def test_an_automatic_share_is_the_one_that_the_period_has_drawn_by(period):
    period.holdout = 0.37
    period.publish()
    period.next_day()
    period.score()
    period.budget, period.holdout = 2000.0, None
    period.publish()
    plan = period.plan()
    assert (plan["holdout_per_mille"], plan["is_holdout_automatic"]) == (370, True)
    kept = period.connection.execute(
        "select distinct holdout_per_mille from stg_churn__assignments"
    ).fetchall()
    assert kept == [(370,)]
    # another period is free to choose
    period.next_day(period.settings.period_days)
    period.score()
    period.publish()
    assert period.plan()["holdout_per_mille"] != 370


def test_a_period_begins_where_the_entry_says_and_draws_again(period):
    before = period.publish()
    (start,) = {row["period_start"] for row in before.values()}
    assert start == period.day
    period.day = start + timedelta(days=period.settings.period_days - 1)
    period.score()
    last = period.publish()
    assert {row["period_start"] for row in last.values()} == {start}
    period.next_day()
    period.score()
    again = period.publish()
    assert {row["period_start"] for row in again.values()} == {period.day}
    both = [name for name in arms(last) if arms(again).get(name) and arms(last)[name][0] != "n"]
    moved = [name for name in both if arms(last)[name] != arms(again)[name]]
    # of two independent draws at a fifth, 32 % differ
    assert abs(len(moved) - 0.32 * len(both)) < 4 * (0.32 * 0.68 * len(both)) ** 0.5
    history = period.connection.execute(
        "select period_start, count(*) from stg_churn__assignments group by all order by all"
    ).fetchall()
    assert [row[0] for row in history] == [start, period.day], "past periods stay"


@pytest.mark.parametrize("before", [1, 27, 28, 29, 400])
def test_a_cut_off_before_the_first_period_is_in_one(sql, before):
    start = domain_entries()[DOMAINS[0]].retention.period_start
    period = Period(sql, DOMAINS[0], 20, start - timedelta(days=before))
    period.score()
    period.publish()
    plan = period.plan()
    assert plan["period_start"] <= period.day < plan["period_end"]
    assert (start - plan["period_start"]).days % period.settings.period_days == 0


@pytest.mark.parametrize("budget", [500.0, 12_000.0])
def test_a_budget_and_a_channel_are_spent_once_a_period(period, budget):
    """The CRM contacts a part of the list and reports it, night after night."""
    capacities = period.settings.capacities
    period.budget, period.holdout = budget, 0.1
    calls, nights = 0, 0
    while (period.day - first_day(period.domain)).days < period.settings.period_days:
        period.score(moved=0.1)
        now = period.publish()
        plan = period.plan()
        assert plan["charged_cents"] == spent(period)
        assert plan["charged_cents"] + plan["spend_cents"] <= 100 * period.budget
        listed = treated(now)
        called = [name for name in listed if now[name]["channel"] == "call"]
        assert calls + len(called) <= capacities["call"]
        # half of the list; a third of those without saying by which action
        done = list(listed.items())[::2]
        calls += sum(now[name]["channel"] == "call" for name, _ in done)
        period.contact((name, "" if at % 3 == 0 else act) for at, (name, act) in enumerate(done))
        period.next_day(7)
        nights += 1
    period.publish()
    assert nights == 4
    if budget == 500:
        assert 0.5 * 100 * budget < spent(period) <= 100 * budget, "the budget binds"
    else:
        assert 0.5 * capacities["call"] < calls <= capacities["call"], "the channel binds"


def campaign(period, customers, decided, state="pending", status="running"):
    """A campaign of the period, with a message to each customer in a state."""
    for table in ("campaigns", "campaign_members", "campaign_messages"):
        period.connection.execute(f"truncate stg_churn__{table}")
    start = period.plan()["period_start"]
    period.connection.execute(
        "insert into stg_churn__campaigns values ('c', ?, 'spring', ?, ?, ?)",
        [period.domain, status, start, start],
    )
    for customer in customers:
        row = decided[customer]
        period.connection.execute(
            "insert into stg_churn__campaign_members values ('c', ?, ?, ?, ?)",
            [
                customer,
                row["planned_action"],
                row["channel"],
                round(100 * row["expected_spend"]),
            ],
        )
        period.connection.execute(
            "insert into stg_churn__campaign_messages values ('c', ?, ?, ?, null)",
            [period.domain, customer, state],
        )


@pytest.mark.parametrize("state", ["pending", "delivered"])
def test_messages_of_campaigns_use_budget_and_channels_of_the_period(period, state):
    period.budget = 12_000.0
    first = period.publish()
    members = list(treated(first))[::2]
    campaign(period, members, first, state)
    second, plan = period.publish(), period.plan()
    cents = sum(round(100 * first[name]["expected_spend"]) for name in members)
    assert (plan["campaigns_cents"], plan["campaign_messages"]) == (cents, len(members))
    assert plan["left_cents"] == 100 * period.budget - cents - plan["reserved_cents"]
    # the plan leaves to the campaign whom it contacts; arms stay
    for name in members:
        row = second[name]
        assert (row["decision"], row["reason"], row["arm"]) == ("leave", "in_campaign", "treat")
    calls = {
        which: sum(first[name]["channel"] == "call" for name in names)
        for which, names in (("sent", members), ("held", held_out(second)))
    }
    listed = sum(second[name]["channel"] == "call" for name in treated(second))
    assert calls["sent"] > 0
    assert calls["sent"] + calls["held"] + listed <= period.settings.capacities["call"]
    # reported as contacts they are contacts, and charged no second time
    period.contact(
        (name, "" if at % 2 else first[name]["planned_action"]) for at, name in enumerate(members)
    )
    period.publish()
    plan = period.plan()
    assert (plan["charged_cents"], plan["campaigns_cents"]) == (cents, 0)


@pytest.mark.parametrize(
    ("state", "status"),
    [("pending", "paused"), ("stopped", "finished"), ("withheld", "running"), ("dead", "running")],
)
def test_messages_that_are_not_sent_use_nothing(period, state, status):
    first = period.publish()
    campaign(period, list(treated(first))[::2], first, state, status)
    second, plan = period.publish(), period.plan()
    assert plan["campaigns_cents"] == 0
    assert treated(second) == treated(first)


def test_contacts_are_charged_as_planned_as_expected_or_not_at_all(period):
    period.budget = 100.0
    first = period.publish()
    (as_planned, action), (unnamed, unnamed_action), (other, others) = list(treated(first).items())[
        :3
    ]
    stranger = next(name for name, row in first.items() if row["arm"] is None)
    wrong, contact, incentive, accepted = period.connection.execute(
        "select action_id, contact_cents, incentive_cents, acceptance "
        "from int_churn__actions_catalogued where domain = ? and action_id <> ? "
        "order by incentive_cents desc limit 1",
        [period.domain, others],
    ).fetchall()[0]
    period.contact(
        [(as_planned, action), (unnamed, ""), (other, wrong), (stranger, ""), (stranger, "gone")]
    )
    # the day before the period and the day after it are of others
    for day in (first_day(period.domain) - timedelta(days=1), date(2030, 1, 1)):
        period.connection.execute(
            "insert into stg_churn__contacts values (?, ?, ?, ?)",
            [period.domain, as_planned, day, action],
        )
    period.next_day()
    period.score()
    second = period.publish()
    charged = {
        (row[0], row[1]): row[2]
        for row in period.connection.execute(
            "select customer_id, reported_action_id, charged_cents from int_churn__contacts_charged"
        ).fetchall()
    }
    assert charged == {
        (as_planned, action): round(100 * first[as_planned]["expected_spend"]),
        (unnamed, ""): round(100 * first[unnamed]["expected_spend"]),
        (other, wrong): round(contact + accepted * incentive),
        (stranger, ""): 0,
        (stranger, "gone"): 0,
    }
    plan = period.plan()
    assert (plan["contacts"], plan["contacts_of_unknown_actions"]) == (5, 2)
    assert plan["charged_cents"] == sum(charged.values())
    assert second[unnamed]["planned_action"] is None and unnamed_action


def test_what_a_control_group_would_cost_is_not_spent_on_others(period):
    first = period.publish()
    controls = held_out(first)
    reserved = sum(round(100 * first[name]["expected_spend"]) for name in controls)
    period.next_day()
    period.score(moved=0.2)
    second = period.publish()
    plan = period.plan()
    assert plan["reserved_cents"] == reserved > 0
    assert plan["left_cents"] == 100 * period.budget - reserved
    for name in controls:
        assert second[name]["expected_spend"] == first[name]["expected_spend"]
        assert second[name]["planned_action"] == first[name]["planned_action"]
    # whoever is suppressed, gone or contacted all the same sets nothing aside
    suppressed, gone, contacted = sorted(controls)[:3]
    period.suppress(suppressed)
    period.out_of_scope.add(gone)
    period.contact([(contacted, first[contacted]["planned_action"])])
    period.next_day()
    period.score()
    third = period.publish()
    three = sum(
        round(100 * first[name]["expected_spend"]) for name in (suppressed, gone, contacted)
    )
    plan = period.plan()
    fresh = held_out(third) - controls
    assert plan["reserved_cents"] == reserved - three + sum(
        round(100 * first[name]["expected_spend"]) for name in fresh if name in controls
    ) + sum(round(100 * second[name]["expected_spend"]) for name in held_out(second) - controls)
    assert plan["charged_cents"] == round(100 * first[contacted]["expected_spend"])
    assert (third[suppressed]["decision"], third[suppressed]["reason"]) == ("leave", "suppressed")
    assert third[suppressed]["arm"] == "control" and not third[suppressed]["is_held_out"]
    assert third[contacted]["decision"] == "hold_out"


def test_an_assigned_action_stays_while_it_may_be_offered(period):
    first = period.publish()
    period.next_day()
    period.score(moved=0.2)
    second = period.publish()
    both = {name for name in treated(first) if name in treated(second)}
    assert len(both) > 0.5 * len(treated(first))
    changed = {name for name in both if treated(first)[name] != treated(second)[name]}
    for name in changed:
        still = period.connection.execute(
            "select count(*) from int_churn__actions_valued "
            "inner join int_churn__contact_eligibility_checked as customers "
            "using (customer_number) "
            "where customers.customer_id = ? and action_id = ? and is_offered",
            [name, treated(first)[name]],
        ).fetchone()
        assert still == (0,)
    for name in both - changed:
        assert second[name]["expected_spend"] == first[name]["expected_spend"]


def test_a_list_stays_when_reasons_go_and_a_leave_alone_rule_still_ends_it(period):
    first = treated(period.publish())
    period.themes = [(None, None, None)] * period.customers
    period.next_day()
    period.score()
    assert treated(period.publish()) == first
    left_alone, *rest = first
    period.connection.execute(
        "insert into int_churn__leave_alone_rules_matched values (?, ?, 'just bought', 'so')",
        [period.domain, left_alone],
    )
    period.next_day()
    period.score()
    assert treated(period.publish()) == {name: first[name] for name in rest}
    # the next period knows no reason to contact anybody
    period.next_day(period.settings.period_days)
    period.score()
    assert treated(period.publish()) == {}


def test_headline_figures_are_those_of_customers_to_be_contacted(period):
    rows = period.publish().values()
    plan = period.plan()
    for decision, customers, spend, profit in (
        ("treat", "customers", "spend_cents", "profit_cents"),
        ("hold_out", "control_customers", "control_spend_cents", "control_profit_cents"),
    ):
        group = [row for row in rows if row["decision"] == decision]
        assert plan[customers] == len(group) > 0
        assert plan[spend] == sum(round(100 * row["expected_spend"]) for row in group)
        assert plan[profit] == sum(round(100 * row["expected_profit"]) for row in group)
    assert plan["chosen_profit_cents"] == plan["profit_cents"] + plan["control_profit_cents"]
