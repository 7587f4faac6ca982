{{ config(materialized='table') }}
-- One row per domain, way to choose whom to treat and customer it treats: the riskiest tenth by
-- risk, everybody in the bands critical and high, and everybody, the last two in an order of
-- chance. They have the plan's guards, budget and channels and give each customer the action that
-- pays best for it alone, or when that one's channel is full the best of the channels without
-- limits.
with

capacities as (
    select * from {{ ref('int_churn__capacities_set') }}
),

-- What pays best for each customer alone.
offered as (
    select
        preferred.*,
        capacities.contacts
    from {{ ref('int_churn__actions_preferred') }} as preferred
    left join capacities
        on
            preferred.domain = capacities.domain
            and preferred.channel = capacities.channel
),

-- What they get when that channel is full.
fallbacks as (
    select
        valued.customer_number,
        valued.action_id,
        valued.profit_cents,
        valued.spend_cents
    from {{ ref('int_churn__actions_valued') }} as valued
    inner join offered
        on
            valued.customer_number = offered.customer_number
            and offered.contacts is not null
    left join capacities
        on
            valued.domain = capacities.domain
            and valued.channel = capacities.channel
    where valued.is_offered and capacities.channel is null
    qualify
        row_number() over (
            partition by valued.customer_number
            order by valued.profit_cents desc, valued.spend_cents asc, valued.action_id asc
        ) = 1
),

plans as (
    select * from {{ ref('int_churn__plans_set') }}
),

scored as (
    select
        customer_number,
        risk_band,
        row_number() over (
            partition by domain
            order by churn_probability desc, customer_number asc
        ) as risk_place,
        count(*) over (partition by domain) as customers
    from {{ ref('int_churn__customers_guarded') }}
),

strategies as (
    select
        offered.*,
        'top_decile' as strategy,
        scored.risk_place as place
    from offered
    inner join scored on offered.customer_number = scored.customer_number
    where scored.risk_place * 10 <= scored.customers
    union all
    select
        offered.*,
        'everybody_at_risk' as strategy,
        row_number() over (
            partition by offered.domain
            order by
                {{ hash_number(["'at risk'", 'offered.customer_number']) }} asc,
                offered.customer_number asc
        ) as place
    from offered
    inner join scored on offered.customer_number = scored.customer_number
    where scored.risk_band in ('critical', 'high')
    union all
    select
        offered.*,
        'random' as strategy,
        row_number() over (
            partition by offered.domain
            order by
                {{ hash_number(["'random'", 'offered.customer_number']) }} asc,
                offered.customer_number asc
        ) as place
    from offered
),

fitted as (
    select
        *,
        coalesce(row_number() over (
            partition by domain, strategy, channel
            order by place asc
        ) <= contacts, true) as has_room
    from strategies
),

settled as (
    select
        fitted.domain,
        fitted.strategy,
        fitted.place,
        fitted.customer_number,
        case when fitted.has_room then fitted.action_id else fallbacks.action_id end as action_id,
        case when fitted.has_room then fitted.spend_cents else fallbacks.spend_cents end
            as spend_cents,
        case when fitted.has_room then fitted.profit_cents else fallbacks.profit_cents end
            as profit_cents
    from fitted
    left join fallbacks on fitted.customer_number = fallbacks.customer_number
    where fitted.has_room or fallbacks.customer_number is not null
),

final as (
    select
        settled.domain,
        settled.strategy,
        settled.customer_number,
        settled.action_id,
        settled.spend_cents,
        settled.profit_cents
    from settled
    inner join plans on settled.domain = plans.domain
    qualify
        sum(settled.spend_cents) over (
            partition by settled.domain, settled.strategy
            order by settled.place asc
            rows between unbounded preceding and current row
        ) <= plans.budget_cents
)

select * from final
