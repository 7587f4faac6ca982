-- One row per domain: what the customers to be contacted are expected to cost and to earn, and what
-- the control group would have.
with

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

arms as (
    select * from {{ ref('int_churn__arms_assigned') }}
),

summed as (
    select
        domain,
        count(*) filter (where arm = 'treat') as treat_customers,
        sum(spend_cents) filter (where arm = 'treat') as treat_spend_cents,
        sum(profit_cents) filter (where arm = 'treat') as treat_profit_cents,
        count(*) filter (where arm = 'control') as control_customers,
        sum(spend_cents) filter (where arm = 'control') as control_spend_cents,
        sum(profit_cents) filter (where arm = 'control') as control_profit_cents
    from arms
    group by all
),

final as (
    select
        plans.domain,
        coalesce(summed.treat_customers, 0) as treat_customers,
        coalesce(summed.treat_spend_cents, 0) as treat_spend_cents,
        coalesce(summed.treat_profit_cents, 0) as treat_profit_cents,
        coalesce(summed.control_customers, 0) as control_customers,
        coalesce(summed.control_spend_cents, 0) as control_spend_cents,
        coalesce(summed.control_profit_cents, 0) as control_profit_cents
    from plans
    left join summed on plans.domain = summed.domain
)

select * from final
