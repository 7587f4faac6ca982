{{ config(materialized='table') }}
-- One row per scored customer whose arm an earlier publish of the period drew. It stays until the
-- period ends, whatever happens to risk, band, model or budget.
with

assignments as (
    select * from {{ ref('stg_churn__assignments') }}
),

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

customers as (
    select * from {{ ref('int_churn__contact_eligibility_checked') }}
),

final as (
    select
        customers.domain,
        customers.customer_number,
        assignments.arm,
        assignments.action_id,
        assignments.planned_spend_cents,
        assignments.planned_profit_cents,
        assignments.arm = 'control' and not customers.is_suppressed as is_held_out
    from customers
    inner join plans on customers.domain = plans.domain
    inner join assignments
        on
            customers.domain = assignments.domain
            and customers.customer_id = assignments.customer_id
            and plans.period_start = assignments.period_start
)

select * from final
