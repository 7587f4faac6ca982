{{ config(materialized='table') }}
-- One row per customer and cut-off: revenue in windows, in cents: what was bought, less what was
-- given back, each on its own day. 0 where nothing happened; null where nothing has a price.
{%- set memory_days = 730 %}
{%- set windows = {
    '30d': '<= 30',
    '90d': '<= 90',
    '365d': '<= 365',
    '91_180d': 'between 91 and 180',
    'horizon_last_year': 'between 366 - settings.horizon_days and 365',
} %}
with

settings as (
    select * from {{ ref('stg_no_contract__settings') }}
),

cohort as (
    select * from {{ ref('int_no_contract__cohorts_narrowed') }}
),

days as (
    select * from {{ ref('int_no_contract__revenue_days_booked') }}
),

past as (
    select
        cohort.domain,
        cohort.customer_id,
        cohort.as_of_date,
        days.amount_cents,
        {{ days_between('days.booked_on', 'cohort.as_of_date') }} as days_before
    from cohort
    inner join days
        on
            cohort.domain = days.domain
            and cohort.customer_id = days.customer_id
            and cohort.as_of_date > days.booked_on
            and {{ add_days('cohort.as_of_date', -memory_days) }} <= days.booked_on
),

summarised as (
    select
        past.domain,
        past.customer_id,
        past.as_of_date,
        {% for name, days_before in windows.items() -%}
        case
            when count(*) filter (where days_before {{ days_before }}) = 0 then {{ exact_zero() }}
            else {{ exact_sum('amount_cents', where='days_before ' ~ days_before) }}
        end as revenue_cents_{{ name }},
        {% endfor -%}
        {{ exact_sum('amount_cents') }} as revenue_cents
    from past
    inner join settings on past.domain = settings.domain
    group by past.domain, past.customer_id, past.as_of_date
)

select * from summarised
