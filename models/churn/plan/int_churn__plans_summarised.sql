-- One row per domain: its plan in figures. What it may spend, spends and earns, what the next unit
-- of budget would earn, how far it can be from the best, what is held out and can be shown.
with

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
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
        plans.budget_cents,

        -- what it buys
        totals.customers,
        totals.spend_cents,
        totals.profit_cents,
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
    inner join totals on plans.domain = totals.domain
    inner join budget_prices on plans.domain = budget_prices.domain
    inner join bounds on plans.domain = bounds.domain
    inner join power on plans.domain = power.domain
)

select * from final
