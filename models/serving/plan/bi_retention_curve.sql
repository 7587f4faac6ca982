-- One row per domain and point of the curve of budgets: what the first steps would cost and earn.
{%- set points = 50 %}
with

ranked as (
    select
        *,
        row_number() over (
            partition by domain, channel
            order by efficiency desc, customer_number asc, spend_cents asc
        ) as place_in_channel
    from {{ ref('int_churn__increments_ranked') }}
),

-- A budget of any size buys no more contacts of a channel than it carries.
carried as (
    select ranked.*
    from ranked
    left join {{ ref('int_churn__channel_capacities_resolved') }} as capacities
        on
            ranked.domain = capacities.domain
            and ranked.channel = capacities.channel
    where ranked.place_in_channel <= coalesce(capacities.contacts, ranked.place_in_channel)
),

steps as (
    select
        domain,
        customer_number,
        efficiency,
        spend_cents,
        spend_cents - coalesce(lag(spend_cents) over (
            partition by domain, customer_number
            order by spend_cents asc
        ), 0) as spend_step,
        profit_cents - coalesce(lag(profit_cents) over (
            partition by domain, customer_number
            order by spend_cents asc
        ), 0) as profit_step,
        row_number() over (
            partition by domain, customer_number
            order by spend_cents asc
        ) = 1 as is_first
    from carried
),

placed as (
    select
        *,
        row_number() over (
            partition by domain
            order by efficiency desc, customer_number asc, spend_cents asc
        ) as place,
        count(*) over (partition by domain) as steps_of_domain
    from steps
),

pointed as (
    select
        *,
        -- as many steps in each, the last one exactly at the end
        cast(ceil({{ points }}.0 * place / steps_of_domain) as bigint) as point
    from placed
),

grouped as (
    select
        domain,
        point,
        sum(spend_step) as spend_cents,
        count(*) filter (where is_first) as customers,
        sum(profit_step) as profit_cents
    from pointed
    group by all
    union all
    select
        domain,
        0 as point,
        0 as spend_cents,
        0 as customers,
        0 as profit_cents
    from {{ ref('int_churn__plan_settings_resolved') }}
),

final as (
    select
        domain,
        point,
        sum(spend_cents) over up_to / 100.0 as budget,
        cast(sum(customers) over up_to as bigint) as customers,
        sum(profit_cents) over up_to / 100.0 as expected_profit
    from grouped
    window
        up_to as (
            partition by domain
            order by point asc
            rows between unbounded preceding and current row
        )
)

select * from final
