{{ config(materialized='table') }}
-- One row per domain: what one more unit of budget would earn, by the first step that did not fit.
with

increments as (
    select * from {{ ref('int_churn__increments_ranked') }}
),

plans as (
    select * from {{ ref('int_churn__budgets_left_derived') }}
),

beyond as (
    select
        increments.domain,
        increments.efficiency,
        increments.net_step
    from increments
    inner join plans on increments.domain = plans.domain
    where increments.spend_so_far > plans.left_cents
    qualify
        row_number() over (
            partition by increments.domain
            order by
                increments.efficiency desc,
                increments.customer_number asc,
                increments.spend_cents asc
        ) = 1
),

final as (
    select
        plans.domain,
        cast(round(coalesce(beyond.efficiency, 0)) as bigint) as price_micro_cents,
        coalesce(beyond.net_step, 0) as step_not_fitting_micro_cents
    from plans
    left join beyond on plans.domain = beyond.domain
)

select * from final
