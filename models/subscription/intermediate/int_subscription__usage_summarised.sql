{{ config(materialized='table') }}
-- One row per customer and cut-off: usage in windows before the cut-off, as exact integers, and
-- which windows the logs cover. Null without a record in reach: the customer is silent, or not
-- covered; see the features.
with

cohort as (
    select
        domain,
        customer_id,
        as_of_date
    from {{ ref('int_subscription__cohorts_narrowed') }}
),

days as (
    select * from {{ ref('int_subscription__usage_days_aggregated') }}
),

-- The days of all customers of some cohort at every cut-off: to add up those that nobody asks for
-- takes less than to join them away first.
summarised as (
    select
        domain,
        customer_id,
        as_of_date,

        {% for window in [7, 14, 28, 90] -%}
        {{ count_where('days_before <= ' ~ window) }} as active_days_{{ window }}d,
        {% endfor -%}
        {% for window in [7, 28, 90] -%}
        {{ exact_sum('seconds', where='days_before <= ' ~ window) }} as seconds_{{ window }}d,
        {% endfor -%}
        {{ count_where('days_before between 29 and 56') }} as active_days_29_56d,
        {{ count_where('days_before between 366 and 393') }} as active_days_28d_last_year,
        {{ exact_sum('seconds', where='days_before between 29 and 90') }} as seconds_29_90d,
        min(days_before) as days_since_last,

        {{ exact_sum('items_played', where='days_before <= 28') }} as items_played_28d,
        {{ exact_sum('items_skipped', where='days_before <= 28') }} as items_skipped_28d,
        {{ exact_sum('items_completed', where='days_before <= 28') }} as items_completed_28d,
        {{ exact_sum('items_different', where='days_before <= 28') }} as items_different_28d,
        {{ count_where('is_weekend and days_before <= 28') }} as weekend_days_28d,

        {{ exact_sum('days_before', where='days_before <= 90') }} as active_day_times_90d,
        {{ exact_sum('seconds * days_before', where='days_before <= 90') }}
            as second_times_90d,
        {{ exact_sum('seconds_squared', where='days_before <= 28', digits=38) }}
            as second_squares_28d,

        {{ count_where('is_seconds_negative and days_before <= 90') }} as negative_days_90d,
        {{ count_where('is_seconds_over_a_day and days_before <= 90') }} as over_a_day_days_90d,
        {{ exact_sum('log_rows - 1', where='days_before <= 90') }} as excess_rows_90d
    from days
    group by domain, customer_id, as_of_date
),

windows as (
    {{ windows_filled(ref('stg_subscription__settings'), 'usage_table', {
        'is_covered_7d': (7, 0),
        'is_covered_14d': (14, 0),
        'is_covered_28d': (28, 0),
        'is_covered_56d': (56, 0),
        'is_covered_90d': (90, 0),
        'is_covered_last_year': (393, 365),
    }) }}
),

final as (
    select *
    from cohort
    left join summarised using (domain, customer_id, as_of_date)
    left join windows using (domain, as_of_date)
)

select * from final
