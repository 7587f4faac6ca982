"""The plan's SQL against an exact solver, on small instances made of nothing but numbers."""

import csv

import duckdb
import numpy as np
import pytest
from periods import CHOICE
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import coo_array

from pipeline.project.home import PROJECT, Home
from pipeline.warehouse.compiled_sql import placed, read_manifest, relations_read, replayed

INSTANCES = 1_000
CHANNELS = ("push", "call")


@pytest.fixture(scope="module")
def plan_sql(tmp_path_factory, run_dbt):
    """The compiled SQL of the plan by model."""
    home = Home(tmp_path_factory.mktemp("compiled"))
    done = run_dbt(home.root, "compile", "--select", "+int_churn__plans_summarised")
    assert done.returncode == 0, done.stdout[-3000:]
    models = [model for model in replayed(read_manifest(home), "plan") if model.sql]
    local = {*relations_read(models), *(model.relation for model in models)}
    return {model.name: placed(model.sql, local) for model in models}


def draw(generator, number):
    """One instance: options of each customer, budget and capacities, all small and ragged."""
    customers, actions = generator.integers(2, 9), generator.integers(1, 5)
    options = []
    for customer in range(customers):
        for action in range(actions):
            if generator.random() < 0.8:
                spend = int(
                    generator.choice([generator.integers(0, 60), generator.integers(5, 900)])
                )
                profit = int(generator.integers(-100, 1500))
                if generator.random() < 0.3:  # many share an efficiency
                    profit = 2 * spend
                channel = CHANNELS[int(generator.integers(0, 2))]
                options.append((customer, f"a{action}", channel, profit, spend))
    total = sum(option[4] for option in options)
    budget = int(generator.choice([0, total // 8, total // 3, total]))
    capacities = {}
    if number % 2:
        capacities = {
            channel: int(generator.integers(0, 5))
            for channel in CHANNELS
            if generator.random() < 0.7
        }
    return options, budget, capacities


def exact(options, budget, capacities):
    """The best total profit, by mixed-integer programming."""
    if not options:
        return 0
    profit = np.array([option[3] for option in options], dtype=float)
    rows = [[option[4] for option in options]]
    limits = [budget]
    for channel, contacts in capacities.items():
        rows.append([option[2] == channel for option in options])
        limits.append(contacts)
    for customer in {option[0] for option in options}:
        rows.append([option[0] == customer for option in options])
        limits.append(1)
    found = milp(
        -profit,
        constraints=LinearConstraint(coo_array(np.array(rows, dtype=float)), ub=limits),
        integrality=np.ones(len(options)),
        bounds=(0, 1),
        options={"mip_rel_gap": 0},
    )
    assert found.success
    return round(-found.fun)


@pytest.fixture(scope="module")
def solved(plan_sql):
    """Every instance as a domain of its own, planned in one go, beside its exact solution."""
    generator = np.random.default_rng(20260101)
    instances = {f"d{n:04}": draw(generator, n) for n in range(INSTANCES)}
    options, plans, capacities = [], [], []
    for domain, (drawn, budget, limits) in instances.items():
        plans.append((domain, budget))
        capacities += [(domain, channel, contacts) for channel, contacts in limits.items()]
        options += [(domain, *option) for option in drawn]
    with duckdb.connect() as connection:
        fill(connection, options, plans, capacities)
        for name, sql in plan_sql.items():
            connection.execute(f"create table {name} as {sql}")
        planned = {
            row[0]: row[1:]
            for row in connection.execute(
                "select domain, budget_cents, chosen_spend_cents, chosen_profit_cents, "
                "bound_cents, step_not_fitting_cents, has_capacities "
                "from int_churn__plans_summarised"
            ).fetchall()
        }
        chosen = connection.execute(
            "select domain, customer_number, action_id from int_churn__actions_allocated"
        ).fetchall()
    return instances, planned, chosen


def fill(connection, options, plans, capacities):
    """Make the relations that the plan's SQL reads."""
    connection.execute(
        "create table int_churn__segments_selected (domain varchar, customer_id varchar, "
        "segment varchar, segment_value_code varchar)"
    )
    connection.execute(
        "create table int_churn__segment_parts_coded (domain varchar, segment varchar, "
        "segment_value varchar, segment_value_code varchar)"
    )
    connection.execute(
        "create table int_churn__actions_valued (domain varchar, customer_number bigint, "
        "action_id varchar, channel varchar, profit_cents bigint, spend_cents bigint, "
        "is_offered boolean)"
    )
    connection.executemany(
        "insert into int_churn__actions_valued values (?, ?, ?, ?, ?, ?, true)",
        [
            # numbers are unique over domains, as in the warehouse
            (domain, 100 * int(domain[1:]) + customer, *rest)
            for domain, customer, *rest in options
        ],
    )
    connection.execute(
        "create table int_churn__customer_options_summarised as select domain, customer_number, "
        "max(profit_cents) as best_profit_cents from int_churn__actions_valued group by all"
    )
    connection.execute(
        "create table int_churn__contact_eligibility_checked as select distinct domain, "
        "customer_number, cast(customer_number as varchar) as customer_id, "
        "0.5 as churn_probability, 'high' as risk_band, cast(null as varchar) as theme_1, "
        "cast(null as varchar) as theme_2, cast(null as varchar) as theme_3, "
        "cast(null as double) as customer_value, cast(null as date) as due_on, "
        "true as is_at_risk, false as already_cancelled from int_churn__actions_valued"
    )
    connection.execute(
        "create table int_churn__actions_catalogued as select distinct domain, action_id, "
        "'assumed' as evidence, 'assumed' as evidence_code, 0.2 as save_rate "
        "from int_churn__actions_valued"
    )
    connection.execute(
        "create table int_churn__plan_settings_resolved (domain varchar, budget_cents bigint, "
        "holdout_per_mille bigint, holdout_salt varchar, period_start date, period_end date, "
        f"{CHOICE})"
    )
    connection.executemany(
        "insert into int_churn__plan_settings_resolved (domain, budget_cents, holdout_per_mille, "
        "holdout_salt, period_start, period_end) "
        "values (?, ?, null, 'salt', date '2026-01-01', date '2026-01-29')",
        plans,
    )
    # a period at its beginning: nothing is spent, nobody has an arm
    connection.execute(
        "create table int_churn__periods_summarised as select domain, 0 as contacts, "
        "0 as contacts_of_unknown_actions, 0::bigint as charged_cents, "
        "0 as campaign_messages, 0::bigint as campaigns_cents, "
        "0::bigint as reserved_cents, null::bigint as drawn_per_mille "
        "from int_churn__plan_settings_resolved"
    )
    connection.execute(
        "create table int_churn__assignments_kept (domain varchar, customer_number bigint, "
        "arm varchar, action_id varchar, planned_spend_cents bigint, "
        "planned_profit_cents bigint, is_held_out boolean)"
    )
    connection.execute(
        "create table int_churn__channel_capacities_resolved "
        "(domain varchar, channel varchar, contacts bigint)"
    )
    connection.executemany(
        "insert into int_churn__channel_capacities_resolved values (?, ?, ?)", capacities
    )


def test_no_plan_breaks_budget_capacity_or_one_action_a_customer(solved):
    instances, planned, chosen = solved
    picked = {}
    for domain, number, action in chosen:
        picked.setdefault(domain, []).append((number - 100 * int(domain[1:]), action))
    assert len(planned) == INSTANCES
    for domain, (options, budget, capacities) in instances.items():
        known = {(customer, action): rest for customer, action, *rest in options}
        mine = picked.get(domain, [])
        assert len({customer for customer, _ in mine}) == len(mine)
        assert all(known[pick][1] > 0 for pick in mine), "an action at an expected loss"
        assert sum(known[pick][2] for pick in mine) <= budget
        assert sum(known[pick][1] for pick in mine) == planned[domain][2]
        for channel, contacts in capacities.items():
            assert sum(known[pick][0] == channel for pick in mine) <= contacts


def test_with_a_budget_alone_the_plan_misses_at_most_the_step_that_did_not_fit(solved):
    instances, planned, _ = solved
    compared = 0
    for domain, (options, budget, capacities) in instances.items():
        if capacities:
            continue
        _, _, profit, bound, step, _ = planned[domain]
        best = exact(options, budget, {})
        assert profit <= best <= profit + step, domain
        assert best <= bound <= profit + step + 1, "the bound is the linear relaxation"
        compared += 1
    assert compared > INSTANCES / 2.1


def test_with_capacities_the_best_lies_within_the_reported_gap_which_is_small(solved):
    instances, planned, _ = solved
    best_total = plan_total = bound_total = compared = 0
    for domain, (options, budget, capacities) in instances.items():
        if not capacities:
            continue
        _, _, profit, bound, *_ = planned[domain]
        best = exact(options, budget, capacities)
        assert profit <= best <= bound, domain
        best_total, plan_total, bound_total = (
            best_total + best,
            plan_total + profit,
            bound_total + bound,
        )
        compared += 1
    assert compared > INSTANCES / 3
    # these instances have a handful of customers, where one that does not fit weighs much
    assert plan_total >= 0.9 * best_total
    assert bound_total <= 1.25 * best_total


def test_the_same_inputs_make_the_same_plan(plan_sql, solved):
    instances, _, chosen = solved
    options = [(domain, *option) for domain, (drawn, _, _) in instances.items() for option in drawn]
    plans = [(domain, budget) for domain, (_, budget, _) in instances.items()]
    capacities = [
        (domain, channel, contacts)
        for domain, (_, _, limits) in instances.items()
        for channel, contacts in limits.items()
    ]
    with duckdb.connect(config={"threads": 4}) as connection:
        fill(connection, options[::-1], plans[::-1], capacities[::-1])
        for name, sql in plan_sql.items():
            connection.execute(f"create table {name} as {sql}")
        again = connection.execute(
            "select domain, customer_number, action_id from int_churn__actions_allocated"
        ).fetchall()
    assert sorted(again) == sorted(row for row in chosen if row[0] in instances)


def test_the_catalogue_of_the_project_has_five_actions_a_domain_and_says_what_is_assumed():
    with (PROJECT / "seeds" / "retention_actions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    by_domain = {}
    for row in rows:
        by_domain.setdefault(row["domain"], []).append(row)
        assert row["measured_customers"] or row["priors_source"].startswith("assumption")
    assert all(len(actions) >= 5 for actions in by_domain.values())
