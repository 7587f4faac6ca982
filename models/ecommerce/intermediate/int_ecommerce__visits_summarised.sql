{{ config(materialized='table') }}
-- One row per customer and cut-off with an event in the 90 days before it: visits in windows, as
-- exact integers. Customers without a row did not visit, or were not covered; see the features.
with

cohort as (
    select
        customer_id,
        as_of_date,
        days_since_last as days_since_last_order
    from {{ ref('int_ecommerce__orders_summarised') }}
),

days as (
    select * from {{ ref('int_ecommerce__visit_days') }}
),

summarised as (
    select
        cohort.customer_id,
        cohort.as_of_date,

        {% for window in [7, 28, 90] -%}
        count(*) filter (where views > 0 and days_before <= {{ window }})
            as visit_days_{{ window }}d,
        {% for count in ['views', 'viewing_sessions', 'carts', 'cart_sessions',
            'abandoned_sessions', 'buying_sessions', 'removes', 'sessions', 'events',
            'products_viewed', 'departments_viewed'] -%}
        {{ exact_sum(count, where='days_before <= ' ~ window) }} as {{ count }}_{{ window }}d,
        {% endfor -%}
        {% endfor -%}
        min(days_before) filter (where views > 0) as days_since_visit,
        min(days_before) filter (where carts > 0) as days_since_cart,
        count(*) filter (where views > 0 and days_before < days_since_last_order)
            as visit_days_since_order,
        {{ exact_sum('views', where='days_before < days_since_last_order') }}
            as views_since_order,
        {{ exact_sum('carts', where='days_before < days_since_last_order') }}
            as carts_since_order,

        {{ exact_sum('days_before', where='views > 0') }} as visit_day_times_90d,
        {{ exact_sum('views * days_before') }} as view_times_90d,
        count(*) filter (where views > 0 and is_weekend) as weekend_visit_days_90d,
        {{ exact_sum('evening_events') }} as evening_events_90d,
        {{ exact_sum('categoryless_views') }} as categoryless_views_90d,
        {{ exact_sum('zero_price_events') }} as zero_price_events_90d,
        {{ exact_sum('sessionless_days') }} as sessionless_days_90d
    from cohort
    inner join days
        on
            cohort.customer_id = days.customer_id
            and cohort.as_of_date = days.as_of_date
    group by cohort.customer_id, cohort.as_of_date
)

select * from summarised
