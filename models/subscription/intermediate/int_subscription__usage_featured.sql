-- One row per customer and cut-off: the usage__ features, and the customer's own usage in the
-- same four weeks a year before. A covered window without a row is silence, 0; a window the logs do
-- not cover is null.
{%- set past_days = 90 - 28 %}
with

records as (
    select * from {{ ref('int_subscription__usage_summarised') }}
),

featured as (
    select
        domain,
        customer_id,
        as_of_date,

        -- how much
        {% for window in ['7d', '14d', '28d', '90d'] -%}
        {{ when_covered('is_covered_' ~ window, 'coalesce(active_days_' ~ window ~ ', 0)') }}
            as usage__active_days_{{ window }},
        {% endfor -%}
        {% for window in ['7d', '28d', '90d'] -%}
        {{ when_covered('is_covered_' ~ window, bigint_or_zero('seconds_' ~ window)) }}
            as usage__seconds_{{ window }},
        {% endfor -%}
        {{ when_covered('is_covered_28d', bigint_or_zero('items_played_28d')) }}
            as usage__items_28d,
        {{ when_covered('is_covered_90d', 'coalesce(active_days_90d, 0) = 0') }}
            as usage__is_silent_90d,

        -- what an active day looks like
        {{ when_covered('is_covered_28d', exact_ratio('seconds_28d', 'active_days_28d')) }}
            as usage__seconds_per_active_day_28d,
        {{ when_covered('is_covered_28d', exact_stddev(
            'active_days_28d', 'seconds_28d', 'second_squares_28d'
        )) }} as usage__seconds_spread_28d,
        {{ when_covered('is_covered_28d', exact_ratio('items_skipped_28d', 'items_played_28d')) }}
            as usage__skip_share_28d,
        {{ when_covered('is_covered_28d', exact_ratio('items_completed_28d', 'items_played_28d')) }}
            as usage__completed_share_28d,
        {{ when_covered('is_covered_28d', exact_ratio('items_different_28d', 'items_played_28d')) }}
            as usage__different_share_28d,
        {{ when_covered('is_covered_28d', exact_ratio('weekend_days_28d', 'active_days_28d')) }}
            as usage__weekend_share_28d,

        -- against the customer's own past, a day of it
        {{ when_covered('is_covered_90d and active_days_90d > 0', 'days_since_last') }}
            as usage__days_since_last,
        {{ when_covered(
            'is_covered_56d', 'coalesce(active_days_28d, 0) - coalesce(active_days_29_56d, 0)'
        ) }} as usage__active_days_change_28d,
        {{ when_covered('is_covered_90d', exact_ratio(
            'active_days_28d * ' ~ past_days, '(active_days_90d - active_days_28d) * 28'
        )) }} as usage__active_days_to_own_past,
        {{ when_covered('is_covered_90d', exact_ratio(
            'coalesce(seconds_28d, 0) * ' ~ past_days, 'seconds_29_90d * 28'
        )) }} as usage__seconds_to_own_past,
        {{ when_covered('is_covered_90d', exact_slope(
            90, 'coalesce(active_days_90d, 0)', 'coalesce(active_day_times_90d, 0)'
        )) }} as usage__active_days_slope_90d,
        {{ when_covered('is_covered_90d', exact_slope(
            90, 'coalesce(seconds_90d, 0)', 'coalesce(second_times_90d, 0)'
        )) }} as usage__seconds_slope_90d,

        -- what is odd in the logs
        {{ when_covered('is_covered_90d', 'coalesce(negative_days_90d, 0)') }}
            as usage__negative_days_90d,
        {{ when_covered('is_covered_90d', 'coalesce(over_a_day_days_90d, 0)') }}
            as usage__over_a_day_days_90d,
        {{ when_covered('is_covered_90d', bigint_or_zero('excess_rows_90d')) }}
            as usage__excess_rows_90d,

        -- a year before
        {{ when_covered('is_covered_last_year', 'coalesce(active_days_28d_last_year, 0)') }}
            as calendar__active_days_28d_last_year
    from records
)

select * from featured
