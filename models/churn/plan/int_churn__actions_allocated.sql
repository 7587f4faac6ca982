{{ config(materialized='table') }}
-- One row per customer whom the plan chooses, with its action. First the steps that the budget
-- reaches, cut to what each channel carries; then, three times, what is left of budget and
-- channels goes to those without an action.
{%- set fills = 3 %}
with

plans as (
    select
        plans.domain,
        plans.budget_cents,
        prices.price_micro_cents
    from {{ ref('int_churn__plans_set') }} as plans
    inner join {{ ref('int_churn__budget_prices') }} as prices on plans.domain = prices.domain
),

capacities as (
    select * from {{ ref('int_churn__capacities_set') }}
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
    where increments.spend_so_far <= plans.budget_cents
    qualify
        row_number() over (
            partition by increments.domain, increments.customer_number
            order by increments.spend_cents desc
        ) = 1
),

cut as (
    select
        reached.*,
        row_number() over (
            partition by reached.domain, reached.channel
            order by reached.score desc, reached.customer_number asc
        ) as place
    from reached
),

chosen_0 as (
    select
        cut.domain,
        cut.customer_number,
        cut.action_id,
        cut.channel,
        cut.spend_cents,
        cut.profit_cents
    from cut
    left join capacities
        on
            cut.domain = capacities.domain
            and cut.channel = capacities.channel
    where cut.place <= coalesce(capacities.contacts, cut.place)
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
    from {{ ref('int_churn__actions_valued') }} as valued
    inner join plans on valued.domain = plans.domain
    where valued.is_offered and valued.profit_cents > 0
),
{% for fill in range(1, fills + 1) %}
{%- set before = fill - 1 %}
budget_left_{{ fill }} as (
    select
        plans.domain,
        plans.budget_cents - coalesce(sum(chosen_{{ before }}.spend_cents), 0) as cents
    from plans
    left join chosen_{{ before }} on plans.domain = chosen_{{ before }}.domain
    group by
        plans.domain,
        plans.budget_cents
),

contacts_left_{{ fill }} as (
    select
        capacities.domain,
        capacities.channel,
        capacities.contacts - count(chosen_{{ before }}.customer_number) as contacts
    from capacities
    left join chosen_{{ before }}
        on
            capacities.domain = chosen_{{ before }}.domain
            and capacities.channel = chosen_{{ before }}.channel
    group by
        capacities.domain,
        capacities.channel,
        capacities.contacts
),

best_{{ fill }} as (
    select
        options.*,
        budget_left_{{ fill }}.cents as cents_left,
        contacts_left_{{ fill }}.contacts as contacts_left
    from options
    inner join budget_left_{{ fill }} on options.domain = budget_left_{{ fill }}.domain
    left join contacts_left_{{ fill }}
        on
            options.domain = contacts_left_{{ fill }}.domain
            and options.channel = contacts_left_{{ fill }}.channel
    left join chosen_{{ before }} as chosen
        on
            options.domain = chosen.domain
            and options.customer_number = chosen.customer_number
    where
        chosen.customer_number is null
        and options.spend_cents <= budget_left_{{ fill }}.cents
        and coalesce(contacts_left_{{ fill }}.contacts > 0, true)
    qualify
        row_number() over (
            partition by options.domain, options.customer_number
            order by options.score desc, options.spend_cents asc, options.action_id asc
        ) = 1
),

within_{{ fill }} as (
    select *
    from best_{{ fill }}
    qualify
        row_number() over (
            partition by domain, channel
            order by score desc, customer_number asc
        ) <= coalesce(contacts_left, 9223372036854775807)
),

afforded_{{ fill }} as (
    select *
    from within_{{ fill }}
    qualify
        sum(spend_cents) over (
            partition by domain
            order by score desc, customer_number asc
            rows between unbounded preceding and current row
        ) <= cents_left
),

chosen_{{ fill }} as (
    select * from chosen_{{ before }}
    union all
    select
        domain,
        customer_number,
        action_id,
        channel,
        spend_cents,
        profit_cents
    from afforded_{{ fill }}
),
{% endfor %}
final as (
    select * from chosen_{{ fills }}
)

select * from final
