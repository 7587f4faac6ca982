{{ config(materialized='table') }}
-- One row per sampled customer and action that pays for it: what the search for shadow prices
-- chooses from. Of a customer's actions that are worth the same, the one of the highest preference
-- is taken: the cheapest.
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
        valued.spend_cents,
        row_number() over (
            partition by valued.domain, valued.customer_number
            order by valued.spend_cents desc, valued.action_id desc
        ) as preference
    from {{ ref('int_churn__plan_options_offered') }} as valued
    inner join sampled on valued.customer_number = sampled.customer_number
    where valued.profit_cents > 0
)

select * from final
