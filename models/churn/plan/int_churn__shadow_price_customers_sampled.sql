{{ config(materialized='table') }}
-- One row per customer that the search for shadow prices looks at: all that an action pays for, of
-- domains with channels of limited capacity, or a sample of them. Any prices make a feasible plan
-- and a valid bound, so a sample is enough to find good ones. It is drawn by hash: the same every
-- time.
{%- set sample_customers = var('plan_sample_customers', 10000) %}
with

capacities as (
    select * from {{ ref('int_churn__channel_capacities_resolved') }}
),

payable as (
    select distinct
        domain,
        customer_number
    from {{ ref('int_churn__plan_options_offered') }}
    where
        profit_cents > 0
        and domain in (select capacities.domain from capacities)
),

hopeful as (
    select
        domain,
        customer_number,
        count(*) over (partition by domain) as customers
    from payable
),

chances as (
    select
        domain,
        customer_number,
        customers,
        cast(ceil(customers / {{ sample_customers }}.0) as bigint) as one_of
    from hopeful
),

final as (
    select
        domain,
        customer_number,
        customers as sampled_from
    from chances
    where one_of = 1 or {{ hash_number(['customer_number']) }} % one_of = 0
)

select * from final
