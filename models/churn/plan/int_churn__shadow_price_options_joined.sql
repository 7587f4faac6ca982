{{ config(materialized='table') }}
-- One row per sampled customer and action that pays for it: what the search for shadow prices
-- chooses from.
with

sampled as (
    select * from {{ ref('int_churn__shadow_price_customers_sampled') }}
),

final as (
    select
        valued.domain,
        valued.customer_number,
        valued.action_id,
        valued.channel,
        valued.profit_cents,
        valued.spend_cents
    from {{ ref('int_churn__plan_options_offered') }} as valued
    inner join sampled on valued.customer_number = sampled.customer_number
    where valued.profit_cents > 0
)

select * from final
