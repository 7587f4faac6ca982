{{ config(materialized='table') }}
-- One row per customer that an active action answers: how many of its actions are within their
-- bounds, how many of these are in time, and the best profit of one, whatever the budget.
with

valued as (
    select * from {{ ref('int_churn__actions_valued') }}
),

final as (
    select
        domain,
        customer_number,
        count(*) filter (where is_within_bounds) as actions_within_bounds,
        count(*) filter (where is_offered) as actions_offered,
        max(profit_cents) filter (where is_offered) as best_profit_cents
    from valued
    group by all
)

select * from final
