{{ config(materialized='table') }}
-- One row per customer and cut-off with an event in the 90 days before it: visits in windows, as
-- exact integers. Customers without a row did not visit, or were not covered; see the features.
with

cohort as (
    select
        domain,
        customer_id,
        as_of_date,
        days_since_last as days_since_last_order
    from {{ ref('int_no_contract__orders_summarised') }}
),

days as (
    select * from {{ ref('int_no_contract__visit_days_aggregated') }}
),

summarised as (
    select
        cohort.domain,
        cohort.customer_id,
        cohort.as_of_date,

        {% for window in [7, 28] -%}
        count(*) filter (where views > 0 and days_before <= {{ window }})
            as visit_days_{{ window }}d,
        {% endfor -%}
        count(*) filter (where views > 0) as visit_days_90d,
        {% for count in ['views', 'viewing_sessions'] -%}
        {{ exact_sum(count, where='days_before <= 7') }} as {{ count }}_7d,
        {% endfor -%}
        {% for count in [
            'views', 'viewing_sessions', 'carts', 'cart_sessions', 'abandoned_sessions', 'sessions',
            'products_viewed', 'departments_viewed'
        ] -%}
        {{ exact_sum(count, where='days_before <= 28') }} as {{ count }}_28d,
        {% endfor -%}
        -- all days in reach
        {% for count in [
            'views', 'viewing_sessions', 'carts', 'cart_sessions', 'abandoned_sessions', 'sessions',
            'buying_sessions', 'removes', 'events', 'evening_events', 'categoryless_views',
            'zero_price_events', 'sessionless_days'
        ] -%}
        {{ exact_sum(count) }} as {{ count }}_90d,
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
        count(*) filter (where views > 0 and is_weekend) as weekend_visit_days_90d
    from cohort
    inner join days
        on
            cohort.domain = days.domain
            and cohort.customer_id = days.customer_id
            and cohort.as_of_date = days.as_of_date
    group by cohort.domain, cohort.customer_id, cohort.as_of_date
)

select * from summarised
