{{ config(materialized='table') }}
-- One row per customer whose arm this plan draws: the first one of the period. Publishing keeps
-- them in the state.
with

customers as (
    select * from {{ ref('int_churn__contact_eligibility_checked') }}
),

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

power as (
    select * from {{ ref('int_churn__plan_power_derived') }}
),

kept as (
    select * from {{ ref('int_churn__assignments_kept') }}
),

drawn as (
    select
        customer_number,
        arm,
        action_id,
        spend_cents,
        profit_cents
    from {{ ref('int_churn__arms_assigned') }}
    where not is_kept
    union all
    select
        customers.customer_number,
        'never_treated' as arm,
        cast(null as varchar) as action_id,
        cast(null as bigint) as spend_cents,
        cast(null as bigint) as profit_cents
    from customers
    left join kept on customers.customer_number = kept.customer_number
    where customers.is_never_treated and kept.customer_number is null
),

final as (
    select
        customers.domain,
        plans.period_start,
        customers.customer_id,
        drawn.arm,
        drawn.action_id,
        power.holdout_per_mille,
        customers.as_of_date,
        customers.run_id,
        drawn.spend_cents as planned_spend_cents,
        drawn.profit_cents as planned_profit_cents
    from drawn
    inner join customers on drawn.customer_number = customers.customer_number
    inner join plans on customers.domain = plans.domain
    inner join power on customers.domain = power.domain
)

select * from final
