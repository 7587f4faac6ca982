{{ config(materialized='table') }}
-- One row per domain and channel of limited capacity: what one contact of it is worth, in
-- millionths of a cent, so that customers who gain little by it leave it to those who gain much.
-- Domains without such channels have no row, and budget alone decides.
--
-- The prices are multipliers of the Lagrangian dual: given a price for a cent of budget and for a
-- contact of each channel, everybody takes the action of the highest profit less what it uses, and
-- a price rises where too much is used and falls where too little is, by steps that shrink by a
-- tenth. Kept are the prices of the lowest dual value met. Any prices give a feasible plan and a
-- valid bound, so a sample is enough to find them; everything is an integer, so they are the same
-- every time.
{%- set sample = var('plan_sample_customers', 10000) %}
{%- set steps = 80 %}
with recursive

capacities as (
    select * from {{ ref('int_churn__capacities_set') }}
),

hopeful as (
    select
        domain,
        customer_number,
        count(*) over (partition by domain) as customers
    from {{ ref('int_churn__customers_hoped') }}
    where
        best_profit_cents > 0
        and domain in (select capacities.domain from capacities)
),

chances as (
    select
        domain,
        customer_number,
        customers,
        cast(ceil(customers / {{ sample }}.0) as bigint) as one_of
    from hopeful
),

drawn as (
    select * from chances
    where one_of = 1 or {{ hash_number(['customer_number']) }} % one_of = 0
),

sizes as (
    select
        domain,
        max(customers) as customers,
        count(*) as sampled_customers
    from drawn
    group by all
),

sampled as (
    select
        valued.domain,
        valued.customer_number,
        valued.action_id,
        valued.channel,
        valued.profit_cents,
        valued.spend_cents
    from {{ ref('int_churn__actions_valued') }} as valued
    inner join drawn on valued.customer_number = drawn.customer_number
    where valued.is_offered and valued.profit_cents > 0
),

-- What there is of each resource, and the price to start from: all that could be earned over all
-- that could be used.
resources as (
    select
        plans.domain,
        'budget' as resource,
        true as is_budget,
        plans.budget_cents as available,
        cast(1000000 * coalesce(
            (
                select sum(sampled.profit_cents) / greatest(sum(sampled.spend_cents), 1)
                from sampled
                where sampled.domain = plans.domain
            ), 1
        ) as bigint) as price
    from {{ ref('int_churn__plans_set') }} as plans
    where plans.domain in (select sizes.domain from sizes)
    union all
    select
        capacities.domain,
        capacities.channel as resource,
        false as is_budget,
        capacities.contacts as available,
        cast(1000000 * coalesce(
            (
                select sum(sampled.profit_cents) / count(*)
                from sampled
                where
                    sampled.domain = capacities.domain
                    and sampled.channel = capacities.channel
            ), 1
        ) as bigint) as price
    from capacities
    where capacities.domain in (select sizes.domain from sizes)
),

search as (
    select
        domain,
        resource,
        is_budget,
        available,
        greatest(price, 1) as price,
        0 as step,
        cast(null as hugeint) as dual_of_last_step
    from resources
    union all
    select
        moved.domain,
        moved.resource,
        moved.is_budget,
        moved.available,
        moved.price,
        moved.step,
        moved.dual_of_last_step
    from (
        with

        best as (
            select
                sampled.domain,
                sampled.channel,
                sampled.spend_cents,
                1000000 * sampled.profit_cents
                - budgets.price * sampled.spend_cents
                - coalesce(channels.price, 0) as net
            from sampled
            inner join search as budgets
                on
                    sampled.domain = budgets.domain
                    and budgets.is_budget
            left join search as channels
                on
                    sampled.domain = channels.domain
                    and sampled.channel = channels.resource
                    and not channels.is_budget
            qualify
                row_number() over (
                    partition by sampled.domain, sampled.customer_number
                    order by net desc, sampled.spend_cents asc, sampled.action_id asc
                ) = 1
        ),

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
                max(used.net) * max(sizes.customers)
                + sum(cast(search.price as hugeint) * search.available)
                * max(sizes.sampled_customers) as dual
            from search
            inner join used
                on
                    search.domain = used.domain
                    and used.is_budget
            inner join sizes on search.domain = sizes.domain
            group by all
        )

        select
            search.domain,
            search.resource,
            search.is_budget,
            search.available,
            greatest(1, cast(
                search.price * pow(
                    2.0,
                    2.0 * pow(0.9, search.step)
                    * case
                        when
                            coalesce(used.amount, 0) * sizes.customers
                            > search.available * sizes.sampled_customers
                            then 1
                        else -1
                    end
                ) as bigint
            )) as price,
            search.step + 1 as step,
            duals.dual as dual_of_last_step
        from search
        inner join sizes on search.domain = sizes.domain
        inner join duals on search.domain = duals.domain
        left join used
            on
                search.domain = used.domain
                and search.resource = used.resource
                and search.is_budget = used.is_budget
        where search.step < {{ steps }}
    ) as moved
),

-- The dual value of a step's prices is known one step later.
judged as (
    select
        now.domain,
        now.resource as channel,
        now.is_budget,
        now.price,
        row_number() over (
            partition by now.domain, now.is_budget, now.resource
            order by later.dual_of_last_step asc, now.step asc
        ) as place
    from search as now
    inner join search as later
        on
            now.domain = later.domain
            and now.resource = later.resource
            and now.is_budget = later.is_budget
            and now.step + 1 = later.step
),

final as (
    select
        domain,
        channel,
        price as price_micro_cents
    from judged
    where place = 1 and not is_budget
)

select * from final
