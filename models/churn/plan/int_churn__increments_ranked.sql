{{ config(materialized='table') }}
-- One row per customer and action worth stepping up to: the customer's actions by rising spend,
-- each with what it adds to the one before, in the order in which a budget takes them.
--
-- The multiple-choice knapsack: actions that cost more and earn no more than another, or than a mix
-- of two others, are dropped (only the upper hull over spend stays), so a customer's steps fall in
-- efficiency and taking all customers' steps by efficiency solves the linear relaxation. Stopping
-- at the first step that does not fit loses at most that step. A channel of limited capacity
-- charges its price first.
with

options as (
    select
        valued.domain,
        valued.customer_number,
        valued.action_id,
        valued.channel,
        valued.spend_cents,
        valued.profit_cents,
        1000000 * valued.profit_cents - coalesce(prices.price_micro_cents, 0) as net
    from {{ ref('int_churn__plan_options_offered') }} as valued
    left join {{ ref('int_churn__channel_shadow_prices_picked') }} as prices
        on
            valued.domain = prices.domain
            and valued.channel = prices.channel
    where valued.profit_cents > 0
),

plain as (
    select
        *,
        max(net) over (
            partition by domain, customer_number
            order by spend_cents asc, net desc, action_id asc
            rows between unbounded preceding and 1 preceding
        ) as best_of_cheaper
    from options
    where net > 0
),

undominated as (
    select * from plain
    where net > coalesce(best_of_cheaper, 0)
),

-- Slopes to every cheaper and every dearer action; doing nothing costs and earns nothing.
slopes as (
    select
        one.domain,
        one.customer_number,
        one.action_id,
        min(case
            when other.spend_cents < one.spend_cents
                then (one.net - other.net) / cast(one.spend_cents - other.spend_cents as double)
        end) as least_from_cheaper,
        max(case
            when other.spend_cents > one.spend_cents
                then (other.net - one.net) / cast(other.spend_cents - one.spend_cents as double)
        end) as most_to_dearer
    from undominated as one
    inner join undominated as other
        on
            one.domain = other.domain
            and one.customer_number = other.customer_number
            and one.spend_cents <> other.spend_cents
    group by all
),

hull as (
    select undominated.*
    from undominated
    left join slopes
        on
            undominated.domain = slopes.domain
            and undominated.customer_number = slopes.customer_number
            and undominated.action_id = slopes.action_id
    where
        coalesce(slopes.most_to_dearer, 0) < least(
            coalesce(slopes.least_from_cheaper, 1e300),
            coalesce(undominated.net / nullif(cast(undominated.spend_cents as double), 0), 1e300)
        )
),

stepped as (
    select
        *,
        spend_cents - coalesce(lag(spend_cents) over (
            partition by domain, customer_number
            order by spend_cents asc
        ), 0) as spend_step,
        net - coalesce(lag(net) over (
            partition by domain, customer_number
            order by spend_cents asc
        ), 0) as net_step
    from hull
),

final as (
    select
        domain,
        customer_number,
        action_id,
        channel,
        spend_cents,
        profit_cents,
        net,
        spend_step,
        net_step,
        coalesce(net_step / nullif(cast(spend_step as double), 0), 1e300) as efficiency,
        sum(spend_step) over (
            partition by domain
            order by
                coalesce(net_step / nullif(cast(spend_step as double), 0), 1e300) desc,
                customer_number asc,
                spend_cents asc
            rows between unbounded preceding and current row
        ) as spend_so_far
    from stepped
)

select * from final
