{{ config(materialized='table') }}
-- One row per customer whom the budget reaches in the order of the increments, with the last action
-- that it reaches; cut to the best contacts that each channel carries.
with

plans as (
    select
        plans.domain,
        plans.left_cents,
        prices.price_micro_cents
    from {{ ref('int_churn__budgets_left_derived') }} as plans
    inner join {{ ref('int_churn__budget_shadow_prices_derived') }} as prices
        on plans.domain = prices.domain
),

capacities as (
    select * from {{ ref('int_churn__channel_capacities_resolved') }}
),

reached as (
    select
        increments.domain,
        increments.customer_number,
        increments.action_id,
        increments.channel,
        increments.spend_cents,
        increments.profit_cents,
        increments.net - plans.price_micro_cents * increments.spend_cents as score
    from {{ ref('int_churn__increments_ranked') }} as increments
    inner join plans on increments.domain = plans.domain
    where increments.spend_so_far <= plans.left_cents
    qualify
        row_number() over (
            partition by increments.domain, increments.customer_number
            order by increments.spend_cents desc
        ) = 1
),

ranked as (
    select
        reached.*,
        row_number() over (
            partition by reached.domain, reached.channel
            order by reached.score desc, reached.customer_number asc
        ) as place
    from reached
),

final as (
    select
        ranked.domain,
        ranked.customer_number,
        ranked.action_id,
        ranked.channel,
        ranked.spend_cents,
        ranked.profit_cents
    from ranked
    left join capacities
        on
            ranked.domain = capacities.domain
            and ranked.channel = capacities.channel
    where ranked.place <= coalesce(capacities.contacts, ranked.place)
)

select * from final
