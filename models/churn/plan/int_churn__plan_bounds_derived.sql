{{ config(materialized='table') }}
-- One row per domain: what no plan can earn more than.
--
-- For any price of a cent of budget and of a contact, what budget and channels are worth at these
-- prices plus every customer's best profit less what it uses is at least what any plan can earn
-- (weak duality). With a budget alone it is the linear relaxation itself.
with

plans as (
    select * from {{ ref('int_churn__budgets_left_derived') }}
),

budget_prices as (
    select * from {{ ref('int_churn__budget_shadow_prices_derived') }}
),

channel_prices as (
    select * from {{ ref('int_churn__channel_shadow_prices_picked') }}
),

channels as (
    select
        capacities.domain,
        sum(cast(capacities.contacts as hugeint) * channel_prices.price_micro_cents)
            as worth_micro_cents
    from {{ ref('int_churn__channel_capacities_resolved') }} as capacities
    inner join channel_prices
        on
            capacities.domain = channel_prices.domain
            and capacities.channel = channel_prices.channel
    group by all
),

-- Every customer's best profit less what it uses.
best_nets as (
    select
        valued.domain,
        valued.customer_number,
        greatest(0, max(
            1000000 * valued.profit_cents
            - budget_prices.price_micro_cents * valued.spend_cents
            - coalesce(channel_prices.price_micro_cents, 0)
        )) as net
    from {{ ref('int_churn__plan_options_offered') }} as valued
    inner join budget_prices on valued.domain = budget_prices.domain
    left join channel_prices
        on
            valued.domain = channel_prices.domain
            and valued.channel = channel_prices.channel
    where valued.profit_cents > 0
    group by all
),

nets as (
    select
        domain,
        sum(net) as net_micro_cents
    from best_nets
    group by all
),

final as (
    select
        plans.domain,
        channels.domain is not null as has_capacities,
        cast(ceil((
            cast(plans.left_cents as hugeint) * budget_prices.price_micro_cents
            + coalesce(channels.worth_micro_cents, 0)
            + coalesce(nets.net_micro_cents, 0)
        ) / 1000000.0) as bigint) as bound_cents
    from plans
    inner join budget_prices on plans.domain = budget_prices.domain
    left join channels on plans.domain = channels.domain
    left join nets on plans.domain = nets.domain
)

select * from final
