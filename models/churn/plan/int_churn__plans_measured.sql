{{ config(materialized='table') }}
-- One row per domain: what its plan spends and is expected to earn, how far that can be from the
-- best possible, and how many must be held out to see the effect.
--
-- Bound: for any price of a cent of budget and of a contact, what budget and channels are worth at
-- these prices plus every customer's best profit less what it uses is at least what any plan can
-- earn (weak duality). With a budget alone it is the linear relaxation itself.
--
-- Power: two proportions, two-sided 5 %, power 80 %: the sum of both normal quantiles is
-- 1.959964 + 0.841621. The churn of those held out is the mean probability, of those treated that
-- less what the actions are expected to avert; n * (effect / quantiles)^2 must reach the variances
-- over the shares.
with

plans as (
    select * from {{ ref('int_churn__plans_set') }}
),

budget_prices as (
    select * from {{ ref('int_churn__budget_prices') }}
),

capacities as (
    select
        capacities.domain,
        sum(cast(capacities.contacts as hugeint) * prices.price_micro_cents) as worth_micro_cents
    from {{ ref('int_churn__capacities_set') }} as capacities
    inner join {{ ref('int_churn__channel_shadow_prices_picked') }} as prices
        on
            capacities.domain = prices.domain
            and capacities.channel = prices.channel
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
            - coalesce(prices.price_micro_cents, 0)
        )) as net
    from {{ ref('int_churn__actions_valued') }} as valued
    inner join budget_prices on valued.domain = budget_prices.domain
    left join {{ ref('int_churn__channel_shadow_prices_picked') }} as prices
        on
            valued.domain = prices.domain
            and valued.channel = prices.channel
    where valued.is_offered and valued.profit_cents > 0
    group by all
),

nets as (
    select
        domain,
        sum(net) as net_micro_cents
    from best_nets
    group by all
),

chosen as (
    select
        allocated.domain,
        count(*) as customers,
        sum(allocated.spend_cents) as spend_cents,
        sum(allocated.profit_cents) as profit_cents,
        -- millionths as integers: the same every time
        cast(sum(cast(round(1000000 * customers.churn_probability) as bigint)) as double)
        / (1000000.0 * count(*)) as churn_without,
        cast(sum(cast(round(
            1000000 * customers.churn_probability * catalogue.save_rate
        ) as bigint)) as double)
        / (1000000.0 * count(*)) as effect,
        case
            when count(*) filter (where catalogue.evidence = 'assumed') > 0 then 'assumed'
            else min(catalogue.evidence)
        end as evidence
    from {{ ref('int_churn__actions_allocated') }} as allocated
    inner join {{ ref('int_churn__customers_guarded') }} as customers
        on allocated.customer_number = customers.customer_number
    inner join {{ ref('int_churn__actions_catalogued') }} as catalogue
        on
            allocated.domain = catalogue.domain
            and allocated.action_id = catalogue.action_id
    group by all
),

shares as (
    {{ number_series(10, 50, 'share') }}
),

-- Customers it takes at each share.
needed as (
    select
        chosen.domain,
        shares.share,
        power((1.959964 + 0.841621) / nullif(chosen.effect, 0), 2)
        * (
            chosen.churn_without * (1 - chosen.churn_without) / (shares.share / 100.0)
            + (chosen.churn_without - chosen.effect) * (1 - chosen.churn_without + chosen.effect)
            / (1 - shares.share / 100.0)
        ) as customers
    from chosen
    cross join shares
),

powered as (
    select
        needed.domain,
        min(needed.share) filter (where needed.customers <= chosen.customers) as least_share,
        max(needed.customers) filter (where needed.share = 10) as customers_at_10,
        max(needed.customers) filter (where needed.share = 50) as customers_at_50
    from needed
    inner join chosen on needed.domain = chosen.domain
    group by all
),

final as (
    select
        plans.domain,
        plans.budget_cents,
        coalesce(chosen.customers, 0) as customers,
        coalesce(chosen.spend_cents, 0) as spend_cents,
        coalesce(chosen.profit_cents, 0) as profit_cents,
        budget_prices.price_micro_cents / 1000000.0 as marginal_profit,
        cast(ceil(budget_prices.step_not_fitting_micro_cents / 1000000.0) as bigint)
            as step_not_fitting_cents,
        capacities.domain is not null as has_capacities,
        cast(ceil((
            cast(plans.budget_cents as hugeint) * budget_prices.price_micro_cents
            + coalesce(capacities.worth_micro_cents, 0)
            + coalesce(nets.net_micro_cents, 0)
        ) / 1000000.0) as bigint) as bound_cents,
        chosen.churn_without,
        chosen.effect,
        coalesce(chosen.evidence, 'assumed') as evidence,
        -- thousandths; without a share that can measure, the least one: pooled campaigns need it
        coalesce(plans.holdout_per_mille, 10 * powered.least_share, 100) as holdout_per_mille,
        plans.holdout_per_mille is null as is_holdout_automatic,
        plans.holdout_salt,
        powered.least_share is not null as can_be_measured,
        cast(ceil(powered.customers_at_10) as bigint) as customers_needed_at_10,
        cast(ceil(powered.customers_at_50) as bigint) as customers_needed_at_50,
        cast(ceil(powered.customers_at_10 / chosen.customers) as bigint) as campaigns_needed_at_10,
        cast(ceil(powered.customers_at_50 / chosen.customers) as bigint) as campaigns_needed_at_50
    from plans
    inner join budget_prices on plans.domain = budget_prices.domain
    left join capacities on plans.domain = capacities.domain
    left join nets on plans.domain = nets.domain
    left join chosen on plans.domain = chosen.domain
    left join powered on plans.domain = powered.domain
)

select * from final
