-- One row per domain: what is left of the period's budget for customers to be contacted. What was
-- spent on contacts and on messages of campaigns is gone, and what a control group would have cost
-- is not spent on others.
with

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

periods as (
    select * from {{ ref('int_churn__periods_summarised') }}
),

final as (
    select
        plans.domain,
        plans.budget_cents,
        periods.charged_cents,
        periods.reserved_cents,
        periods.campaigns_cents,
        greatest(
            0,
            plans.budget_cents
            - periods.charged_cents
            - periods.campaigns_cents
            - periods.reserved_cents
        ) as left_cents
    from plans
    inner join periods on plans.domain = periods.domain
)

select * from final
