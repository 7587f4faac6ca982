"""The cost of a plan: a million customers, six actions, a budget and two capacities."""

import duckdb

from benchmarks.features import warehouse
from benchmarks.figures import Figure
from benchmarks.workbench import Bench, Timed, best
from pipeline.warehouse.compiled_sql import (
    compiled_model,
    placed,
    read_manifest,
    relations_read,
    replayed,
)
from pipeline.warehouse.dbt import dbt

CUSTOMERS = 1_000_000
ACTIONS = 6
# Parts that are timed separately, in the order of the flow.
GUARDS = ("int_churn__contact_eligibility_checked",)
REPORTS = (
    "int_churn__best_actions_picked",
    "int_churn__policies_ranked",
    "int_churn__policies_allocated",
    "fct_churn_plan_alternatives",
    "bi_retention_plan",
    "bi_retention_budget",
)
VALUES = (
    "int_churn__assignments_kept",
    "int_churn__actions_valued",
    "int_churn__customer_options_summarised",
)
DOMAIN = "bench"
PLAN_AIM_SECONDS = 20


def measure(bench: Bench) -> list[Figure]:
    """Time the plan's compiled SQL on generated scores, and a single pass over the same pairs.

    The plan is everything from guarded customers, their reasons and the catalogue to the table of
    decisions: values of pairs, prices of the capacities, allocation, bound, hold-out, reasons for
    none. The guards before it and the comparisons after it are timed beside it.
    """
    customers = min(CUSTOMERS, bench.rows)
    stack = _compiled(bench)
    plan = tuple(name for name in stack if name not in (*GUARDS, *REPORTS))
    with warehouse(bench.home) as connection:
        _generate(connection, customers)
        connection.execute("use bench")
        seconds = best(
            bench,
            Timed("guards", lambda: make(connection, stack, GUARDS)),
            Timed("planning", lambda: make(connection, stack, plan)),
            Timed("comparing", lambda: make(connection, stack, REPORTS)),
            # last: it reads what the others make
            Timed("one pass over the pairs", lambda: _one_pass(connection)),
        )
        chosen, profit, bound = connection.execute(
            "select chosen_customers, chosen_profit_cents, bound_cents "
            "from bench.int_churn__plans_summarised"
        ).fetchall()[0]
    guard_seconds, plan_seconds, report_seconds, pass_seconds = seconds
    one_pass = Figure("plan_one_pass", pass_seconds, "s", f"every pair once, {bench.how}")
    planned = Figure(
        "plan_of_actions",
        plan_seconds,
        "s",
        f"{customers:,} customers × {ACTIONS} actions, {chosen:,} chosen, {bench.how}; the aim is "
        f"{PLAN_AIM_SECONDS} s for a million on 2 cores",
    )
    return [
        one_pass,
        Figure("plan_guards", guard_seconds, "s", f"who may be contacted, {bench.how}"),
        planned.compared(one_pass, name="plan_per_pass"),
        Figure("plan_alternatives", report_seconds, "s", f"what others would do, {bench.how}"),
        Figure(
            "plan_gap_to_bound",
            round(100 * float(bound - profit) / float(bound), 4),
            "%",
            "of the bound that no plan can pass",
        ),
    ]


def make(
    connection: duckdb.DuckDBPyConnection, stack: dict[str, str], names: tuple[str, ...]
) -> None:
    """Create relations of the plan in order."""
    for name in names:
        connection.execute(f"create or replace table bench.{name} as {stack[name]}")


def _compiled(bench: Bench) -> dict[str, str]:
    """The project's compiled SQL, reading the generated relations."""
    dbt(
        bench.home,
        "compile",
        "--select",
        "+bi_retention_plan",
        "+bi_retention_budget",
        "+fct_churn_plan_alternatives",
        console=bench.console,
        title="plan SQL",
    )
    manifest = read_manifest(bench.home)
    nodes = {node["name"]: node for node in manifest["nodes"].values()}
    models = [compiled_model(nodes[name]) for name in (*GUARDS, *VALUES)]
    models += replayed(manifest, "plan")
    # every relation by its bare name, in the schema that the connection uses
    local = {*relations_read(models), *(model.relation for model in models)}
    return {model.name: placed(model.sql, local) for model in models}


def _one_pass(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "select sum(churn_probability * save_rate * leaving_cost) "
        "from bench.int_churn__contact_eligibility_checked "
        "cross join bench.int_churn__actions_catalogued"
    ).fetchall()


def _generate(connection: duckdb.DuckDBPyConnection, customers: int) -> None:
    """Write the inputs of a plan: skewed risks and values, three reasons each.

    Everything derives from hashes of the customer's number, so it is always the same.
    """
    connection.execute("create schema if not exists bench")
    connection.execute(
        f"""
        create or replace table bench.fct_churn_scores as
        with drawn as (
            select
                i,
                md5_number_lower('risk' || i) % 1000000 / 1000000.0 as u,
                md5_number_lower('value' || i) % 1000000 / 1000000.0 as v
            from range({customers}) as numbers (i)
        )
        select
            true as is_live,
            'run' as run_id,
            '{DOMAIN}' as domain,
            md5(cast(i as varchar)) as customer_id,
            date '2026-01-01' as as_of_date,
            date '2026-01-01' + cast(i % 30 as integer) as due_on,
            cast(u * u * u as double) as churn_probability,
            case when u > 0.95 then 'critical' when u > 0.8 then 'high'
                when u > 0.5 then 'medium' else 'low' end as risk_band,
            u > 0.8 as is_at_risk,
            cast(100 + 900 * v * v as double) as customer_value,
            cast(60 + 540 * v * v as double) as leaving_cost,
            timestamp '2026-01-01' as scored_at
        from drawn
        """
    )
    ids = f"select '{DOMAIN}' as domain, md5(cast(i as varchar)) as customer_id"
    some = f"from range({customers}) as numbers (i) where i % 50"
    connection.execute(
        f"""
        create or replace table bench.stg_churn__suppressions as
        {ids}, 'asked' as suppression_reason {some} = 1;
        create or replace table bench.stg_churn__contacts as
        {ids}, date '2025-12-28' as contacted_on, 'action_0' as action_id {some} = 2;
        create or replace table bench.int_churn__leave_alone_rules_matched as
        {ids}, 'rule' as rule, 'because' as because {some} in (3, 4, 5);
        """
    )
    connection.execute(
        f"""
        create or replace table bench.int_churn__actions_catalogued as
        select
            '{DOMAIN}' as domain,
            'action_' || i as action_id,
            '|' || ['a|b', 'b|c', 'a|c', 'a', 'a|b|c', 'b|c'][i + 1] || '|' as themes,
            case when i = 1 then 'even' end as condition,
            ['push', 'email', 'email', 'in_app', 'call', 'call'][i + 1] as channel,
            'Action ' || i as title,
            'hint' as message_hint,
            cast([20, 50, 50, 10, 500, 900][i + 1] as bigint) as contact_cents,
            cast([0, 1000, 5000, 500, 0, 3000][i + 1] as bigint) as incentive_cents,
            [0.05, 0.15, 0.27, 0.1, 0.25, 0.35][i + 1] as save_rate,
            [0.5, 0.3, 0.7, 0.4, 0.5, 0.6][i + 1] as acceptance,
            2 as lead_days,
            30 as cool_down_days,
            cast(null as double) as min_probability,
            cast(null as double) as max_probability,
            cast(null as double) as min_value,
            cast(null as double) as max_value,
            true as is_active,
            'assumed' as evidence,
            'assumed' as evidence_code,
            'assumption' as priors_source
        from range({ACTIONS}) as numbers (i)
        """
    )
    connection.execute(
        f"""
        create or replace table bench.int_churn__action_conditions_met as
        select cast(i as bigint) as customer_number, 'even' as condition
        from range(2, {customers + 1}, 2) as numbers (i);
        create or replace table bench.int_churn__reasons_picked as
        {ids},
            case when i % 4 < 3 then 'a' else 'b' end as theme_1,
            case when i % 5 < 3 then 'c' end as theme_2,
            case when i % 7 < 3 then 'd' end as theme_3,
            'first' as driver_group_1,
            'second' as driver_group_2,
            'third' as driver_group_3
        from range({customers}) as numbers (i)
        """
    )
    connection.execute(
        f"""
        create or replace table bench.int_churn__plan_settings_resolved as
        select '{DOMAIN}' as domain, cast({customers * 50} as bigint) as budget_cents,
            cast(null as bigint) as holdout_per_mille, 'first' as holdout_salt,
            14 as cool_down_days, 0.3 as gross_margin,
            date '2026-01-01' as period_start, date '2026-01-29' as period_end;
        create or replace table bench.int_churn__periods_summarised as
        select '{DOMAIN}' as domain, 0 as contacts, 0 as contacts_of_unknown_actions,
            cast(0 as bigint) as charged_cents, cast(0 as bigint) as campaign_messages,
            cast(0 as bigint) as campaigns_cents, cast(0 as bigint) as reserved_cents,
            cast(null as bigint) as drawn_per_mille;
        create or replace table bench.stg_churn__assignments (
            domain varchar, period_start date, customer_id varchar, arm varchar, action_id varchar,
            planned_spend_cents bigint, planned_profit_cents bigint
        )
        """
    )
    connection.execute(
        f"""
        create or replace table bench.int_churn__channel_capacities_resolved as
        select '{DOMAIN}' as domain, channel, cast(contacts as bigint) as contacts
        from (values ('call', {customers // 200}), ('email', {customers // 20}))
            as limits (channel, contacts)
        """
    )
