{{ config(materialized='table') }}
-- One row per domain and channel of limited capacity: what one contact of it is worth, in
-- millionths of a cent, so that customers who gain little by it leave it to those who gain much.
-- These are the prices of the lowest dual value that the search met. A domain without such
-- channels has no row, and budget alone decides.
with

searched as (
    select * from {{ ref('int_churn__shadow_prices_searched') }}
),

-- The dual value of a step's prices is known one step later.
judged as (
    select
        now.domain,
        now.resource,
        now.is_budget,
        now.price_micro_cents,
        row_number() over (
            partition by now.domain, now.is_budget, now.resource
            order by later.dual_of_last_step asc, now.step asc
        ) as place
    from searched as now
    inner join searched as later
        on
            now.domain = later.domain
            and now.resource = later.resource
            and now.is_budget = later.is_budget
            and now.step + 1 = later.step
),

final as (
    select
        domain,
        resource as channel,
        price_micro_cents
    from judged
    where place = 1 and not is_budget
)

select * from final
