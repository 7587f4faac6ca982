{{ config(materialized='table') }}
-- One row per customer whom the plan chooses, with its action: those whom the budget reaches; then,
-- three times, what is left of budget and channels goes to those without an action.
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

options as (
    select
        valued.domain,
        valued.customer_number,
        valued.action_id,
        valued.channel,
        valued.spend_cents,
        valued.profit_cents,
        1000000 * valued.profit_cents - plans.price_micro_cents * valued.spend_cents as score
    from {{ ref('int_churn__plan_options_offered') }} as valued
    inner join plans on valued.domain = plans.domain
    where valued.profit_cents > 0
),

reached as (
    select * from {{ ref('int_churn__increments_reached') }}
),

refilled_once as (
    {{ refill('reached') | indent(4) }}
),

refilled_twice as (
    {{ refill('refilled_once') | indent(4) }}
),

refilled_thrice as (
    {{ refill('refilled_twice') | indent(4) }}
),

final as (
    select * from refilled_thrice
)

select * from final
