{{ config(materialized='table') }}
-- One row per customer that an active action answers: how far its actions come, and the one that
-- would pay best for it alone, whatever the budget.
with

valued as (
    select * from {{ ref('int_churn__actions_valued') }}
),

final as (
    select
        domain,
        customer_number,
        count(*) filter (where is_within_bounds) as meant,
        count(*) filter (where is_offered) as offered,
        max(profit_cents) filter (where is_offered) as best_profit_cents
    from valued
    group by all
)

select * from final
