-- One row per domain: its plan in figures. What it may spend in the period and what is left of it,
-- what it spends and earns, what the next unit of budget would earn, how far it can be from the
-- best, what is held out and can be shown.
with

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

periods as (
    select * from {{ ref('int_churn__periods_summarised') }}
),

budgets as (
    select * from {{ ref('int_churn__budgets_left_derived') }}
),

arms as (
    select * from {{ ref('int_churn__arms_summed') }}
),

totals as (
    select * from {{ ref('int_churn__plan_totals_summed') }}
),

budget_prices as (
    select * from {{ ref('int_churn__budget_shadow_prices_derived') }}
),

bounds as (
    select * from {{ ref('int_churn__plan_bounds_derived') }}
),

power as (
    select * from {{ ref('int_churn__plan_power_derived') }}
),

final as (
    select
        plans.domain,
        plans.period_start,
        plans.period_end,
        plans.budget_cents,

        -- what of it is used
        periods.contacts,
        periods.contacts_of_unknown_actions,
        budgets.charged_cents,
        periods.campaign_messages,
        budgets.campaigns_cents,
        budgets.reserved_cents,
        budgets.left_cents,

        -- what it buys: customers to be contacted; beside them what the control group forgoes, and
        -- whom the plan chose before one was taken out
        arms.treat_customers as customers,
        arms.treat_spend_cents as spend_cents,
        arms.treat_profit_cents as profit_cents,
        arms.control_customers,
        arms.control_spend_cents,
        arms.control_profit_cents,
        totals.customers as chosen_customers,
        totals.spend_cents as chosen_spend_cents,
        totals.profit_cents as chosen_profit_cents,
        totals.compared_customers,
        totals.churn_without,
        totals.effect,
        totals.evidence,
        totals.evidence_code,

        -- how far it can be from the best
        budget_prices.price_micro_cents / 1000000.0 as marginal_profit,
        cast(ceil(budget_prices.step_not_fitting_micro_cents / 1000000.0) as bigint)
            as step_not_fitting_cents,
        bounds.has_capacities,
        bounds.bound_cents,

        -- what is held out, and what that can show
        power.holdout_per_mille,
        power.is_holdout_automatic,
        plans.holdout_salt,
        power.can_be_measured,
        power.customers_needed_at_10,
        power.customers_needed_at_50,
        power.campaigns_needed_at_10,
        power.campaigns_needed_at_50
    from plans
    inner join periods on plans.domain = periods.domain
    inner join budgets on plans.domain = budgets.domain
    inner join arms on plans.domain = arms.domain
    inner join totals on plans.domain = totals.domain
    inner join budget_prices on plans.domain = budget_prices.domain
    inner join bounds on plans.domain = bounds.domain
    inner join power on plans.domain = power.domain
)

select * from final
