{{ config(materialized='table') }}
-- One row per resource of a domain with channels of limited capacity and step of the search: its
-- price in millionths of a cent, and the dual value of the prices of the step before.
--
-- The prices are multipliers of the Lagrangian dual: given a price for a cent of budget and for a
-- contact of each channel, everybody takes the action of the highest profit less what it uses, and
-- a price rises where too much is used and falls where too little is, by steps that shrink.
-- Everything is an integer, so the prices are the same every time.
{#- the last step moves a price by a hundredth of a doubling; thirty more change no plan #}
{%- set steps = 50 %}
{%- set first_step_doublings = 2.0 %}
{%- set shrink_of_each_step = 0.9 %}
with recursive

options as (
    select * from {{ ref('int_churn__shadow_price_options_joined') }}
),

starts as (
    select * from {{ ref('int_churn__shadow_price_starts_derived') }}
),

search as (
    select
        domain,
        resource,
        is_budget,
        available,
        customers,
        sampled_customers,
        price_micro_cents as price,
        0 as step,
        cast(null as hugeint) as dual_of_last_step
    from starts
    union all
    (
        with

        -- What every action earns at the prices of this step, beyond what it uses.
        priced as (
            select
                options.domain,
                options.customer_number,
                options.channel,
                options.spend_cents,
                options.preference,
                1000000 * options.profit_cents
                - budgets.price * options.spend_cents
                - coalesce(channels.price, 0) as net
            from options
            inner join search as budgets
                on
                    options.domain = budgets.domain
                    and budgets.is_budget
            left join search as channels
                on
                    options.domain = channels.domain
                    and options.channel = channels.resource
                    and not channels.is_budget
        ),

        -- Everybody's best action. An aggregate, as a window costs twice as much at every step.
        best as (
            select
                domain,
                max(net) as net,
                max_by(channel, (net, preference)) as channel,
                max_by(spend_cents, (net, preference)) as spend_cents
            from priced
            group by
                domain,
                customer_number
        ),

        -- What the actions that still pay use of each resource.
        used as (
            select
                domain,
                'budget' as resource,
                true as is_budget,
                coalesce(sum(case when net > 0 then spend_cents end), 0) as amount,
                coalesce(sum(case when net > 0 then net end), 0) as net
            from best
            group by all
            union all
            select
                domain,
                channel as resource,
                false as is_budget,
                sum(case when net > 0 then 1 else 0 end) as amount,
                0 as net
            from best
            group by all
        ),

        duals as (
            select
                search.domain,
                max(used.net) * max(search.customers)
                + sum(cast(search.price as hugeint) * search.available)
                * max(search.sampled_customers) as dual
            from search
            inner join used
                on
                    search.domain = used.domain
                    and used.is_budget
            group by all
        )

        select
            search.domain,
            search.resource,
            search.is_budget,
            search.available,
            search.customers,
            search.sampled_customers,
            greatest(1, cast(
                search.price * pow(
                    2.0,
                    {{ first_step_doublings }} * pow({{ shrink_of_each_step }}, search.step)
                    * case
                        when
                            coalesce(used.amount, 0) * search.customers
                            > search.available * search.sampled_customers
                            then 1
                        else -1
                    end
                ) as bigint
            )) as price,
            search.step + 1 as step,
            duals.dual as dual_of_last_step
        from search
        inner join duals on search.domain = duals.domain
        left join used
            on
                search.domain = used.domain
                and search.resource = used.resource
                and search.is_budget = used.is_budget
        where search.step < {{ steps }}
    )
),

final as (
    select
        domain,
        resource,
        is_budget,
        step,
        price as price_micro_cents,
        dual_of_last_step
    from search
)

select * from final
