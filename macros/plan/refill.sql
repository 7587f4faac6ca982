{#- A plan after one more round: what the customers in `before`, a CTE, leave of budget and channels
    goes to customers without an action, who get the best one that still fits. The CTEs plans,
    capacities and options must be in sight. -#}
{% macro refill(before) -%}
with

budget_left as (
    select
        plans.domain,
        plans.left_cents - coalesce(sum({{ before }}.spend_cents), 0) as cents
    from plans
    left join {{ before }} on plans.domain = {{ before }}.domain
    group by
        plans.domain,
        plans.left_cents
),

contacts_left as (
    select
        capacities.domain,
        capacities.channel,
        capacities.contacts - count({{ before }}.customer_number) as contacts
    from capacities
    left join {{ before }}
        on
            capacities.domain = {{ before }}.domain
            and capacities.channel = {{ before }}.channel
    group by
        capacities.domain,
        capacities.channel,
        capacities.contacts
),

-- The best that fits of each customer without an action.
best as (
    select
        options.*,
        budget_left.cents as cents_left,
        contacts_left.contacts as contacts_left
    from options
    inner join budget_left on options.domain = budget_left.domain
    left join contacts_left
        on
            options.domain = contacts_left.domain
            and options.channel = contacts_left.channel
    left join {{ before }} as treated
        on
            options.domain = treated.domain
            and options.customer_number = treated.customer_number
    where
        treated.customer_number is null
        and options.spend_cents <= budget_left.cents
        and coalesce(contacts_left.contacts > 0, true)
    qualify
        row_number() over (
            partition by options.domain, options.customer_number
            order by options.score desc, options.spend_cents asc, options.action_id asc
        ) = 1
),

within_channels as (
    select *
    from best
    qualify
        contacts_left is null
        or row_number() over (
            partition by domain, channel
            order by score desc, customer_number asc
        ) <= contacts_left
),

within_budget as (
    select *
    from within_channels
    qualify
        sum(spend_cents) over (
            partition by domain
            order by score desc, customer_number asc
            rows between unbounded preceding and current row
        ) <= cents_left
)

select * from {{ before }}
union all
select
    domain,
    customer_number,
    action_id,
    channel,
    spend_cents,
    profit_cents
from within_budget
{%- endmacro %}
