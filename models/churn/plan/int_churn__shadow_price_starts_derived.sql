{{ config(materialized='table') }}
-- One row per resource of a domain with channels of limited capacity: its budget and each of these
-- channels, how much of it there is, and the price in millionths of a cent that the search starts
-- from: all that could be earned over all that could be used.
with

options as (
    select * from {{ ref('int_churn__shadow_price_options_joined') }}
),

sizes as (
    select
        domain,
        max(sampled_from) as customers,
        count(*) as sampled_customers
    from {{ ref('int_churn__shadow_price_customers_sampled') }}
    group by all
),

resources as (
    select
        domain,
        'budget' as resource,
        true as is_budget,
        left_cents as available
    from {{ ref('int_churn__budgets_left_derived') }}
    union all
    select
        domain,
        channel as resource,
        false as is_budget,
        contacts as available
    from {{ ref('int_churn__channel_capacities_resolved') }}
),

earnings as (
    select
        domain,
        'budget' as resource,
        true as is_budget,
        sum(profit_cents) / greatest(sum(spend_cents), 1) as cents
    from options
    group by all
    union all
    select
        domain,
        channel as resource,
        false as is_budget,
        sum(profit_cents) / count(*) as cents
    from options
    group by all
),

final as (
    select
        resources.domain,
        resources.resource,
        resources.is_budget,
        resources.available,
        greatest(cast(1000000 * coalesce(earnings.cents, 1) as bigint), 1) as price_micro_cents,
        sizes.customers,
        sizes.sampled_customers
    from resources
    inner join sizes on resources.domain = sizes.domain
    left join earnings
        on
            resources.domain = earnings.domain
            and resources.resource = earnings.resource
            and resources.is_budget = earnings.is_budget
)

select * from final
