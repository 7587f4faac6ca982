{{ config(materialized='table') }}
-- One row per policy and customer that it treats within the plan's budget and channels, with its
-- action: the one that pays best for it alone, or when that one's channel is full the best of the
-- channels without limits.
with

policies as (
    select * from {{ ref('int_churn__policies_ranked') }}
),

plans as (
    select * from {{ ref('int_churn__budgets_left_derived') }}
),

capacities as (
    select * from {{ ref('int_churn__channel_capacities_resolved') }}
),

-- What pays best for each customer alone.
offered as (
    select
        preferred.*,
        capacities.contacts
    from {{ ref('int_churn__best_actions_picked') }} as preferred
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
    from {{ ref('int_churn__plan_options_offered') }} as valued
    inner join offered
        on
            valued.customer_number = offered.customer_number
            and offered.contacts is not null
    left join capacities
        on
            valued.domain = capacities.domain
            and valued.channel = capacities.channel
    where capacities.channel is null
    qualify
        row_number() over (
            partition by valued.customer_number
            order by valued.profit_cents desc, valued.spend_cents asc, valued.action_id asc
        ) = 1
),

fitted as (
    select
        policies.policy,
        policies.place,
        offered.*,
        coalesce(row_number() over (
            partition by policies.domain, policies.policy, offered.channel
            order by policies.place asc
        ) <= offered.contacts, true) as has_room
    from policies
    inner join offered on policies.customer_number = offered.customer_number
),

settled as (
    select
        fitted.domain,
        fitted.policy,
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
        settled.policy,
        settled.customer_number,
        settled.action_id,
        settled.spend_cents,
        settled.profit_cents
    from settled
    inner join plans on settled.domain = plans.domain
    qualify
        sum(settled.spend_cents) over (
            partition by settled.domain, settled.policy
            order by settled.place asc
            rows between unbounded preceding and current row
        ) <= plans.left_cents
)

select * from final
