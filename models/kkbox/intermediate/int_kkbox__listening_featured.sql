-- One row per member and cut-off: the listening__ features, and the member's own listening in the
-- same four weeks a year before. A covered window without a row is silence, 0; a window the logs do
-- not cover is null.
with

listening as (
    select * from {{ ref('int_kkbox__listening_summarised') }}
),

featured as (
    select
        listening.customer_id,
        listening.as_of_date,

        -- how much
        {% for window in [7, 14, 28, 90] -%}
        case
            when listening.is_covered_{{ window }}d
                then coalesce(listening.active_days_{{ window }}d, 0)
        end as listening__active_days_{{ window }}d,
        {% endfor -%}
        {% for window in [7, 28, 90] -%}
        case
            when listening.is_covered_{{ window }}d
                then cast(coalesce(listening.seconds_{{ window }}d, 0) as bigint)
        end as listening__seconds_{{ window }}d,
        {% endfor -%}
        case
            when listening.is_covered_28d
                then cast(coalesce(listening.songs_played_28d, 0) as bigint)
        end as listening__songs_28d,
        case
            when listening.is_covered_90d
                then coalesce(listening.active_days_90d, 0) = 0
        end as listening__is_silent_90d,

        -- what an active day looks like
        case
            when listening.is_covered_28d
                then {{ exact_ratio('listening.seconds_28d', 'listening.active_days_28d') }}
        end as listening__seconds_per_active_day_28d,
        case
            when listening.is_covered_28d
                then {{ exact_stddev(
                    'listening.active_days_28d', 'listening.seconds_28d', 'listening.second_squares_28d'
                ) }}
        end as listening__seconds_spread_28d,
        case
            when listening.is_covered_28d
                then {{ exact_ratio('listening.songs_skipped_28d', 'listening.songs_played_28d') }}
        end as listening__skip_share_28d,
        case
            when listening.is_covered_28d
                then {{ exact_ratio(
                    'listening.songs_completed_28d', 'listening.songs_played_28d'
                ) }}
        end as listening__completed_share_28d,
        case
            when listening.is_covered_28d
                then {{ exact_ratio(
                    'listening.songs_different_28d', 'listening.songs_played_28d'
                ) }}
        end as listening__different_share_28d,
        case
            when listening.is_covered_28d
                then {{ exact_ratio('listening.weekend_days_28d', 'listening.active_days_28d') }}
        end as listening__weekend_share_28d,

        -- against the member's own past
        case
            when listening.is_covered_90d and listening.active_days_90d > 0
                then listening.days_since_last
        end as listening__days_since_last,
        case
            when listening.is_covered_56d
                then
                    coalesce(listening.active_days_28d, 0)
                    - coalesce(listening.active_days_29_56d, 0)
        end as listening__active_days_change_28d,
        case
            when listening.is_covered_90d
                then {{ exact_ratio(
                    'listening.active_days_28d * 62',
                    '(listening.active_days_90d - listening.active_days_28d) * 28'
                ) }}
        end as listening__active_days_to_own_past,
        case
            when listening.is_covered_90d
                then {{ exact_ratio(
                    'coalesce(listening.seconds_28d, 0) * 62', 'listening.seconds_29_90d * 28'
                ) }}
        end as listening__seconds_to_own_past,
        case
            when listening.is_covered_90d
                then {{ exact_slope(
                    90,
                    'coalesce(listening.active_days_90d, 0)',
                    'coalesce(listening.active_day_times_90d, 0)'
                ) }}
        end as listening__active_days_slope_90d,
        case
            when listening.is_covered_90d
                then {{ exact_slope(
                    90,
                    'coalesce(listening.seconds_90d, 0)',
                    'coalesce(listening.second_times_90d, 0)'
                ) }}
        end as listening__seconds_slope_90d,

        -- what is odd in the logs
        case
            when listening.is_covered_90d
                then coalesce(listening.negative_days_90d, 0)
        end as listening__negative_days_90d,
        case
            when listening.is_covered_90d
                then coalesce(listening.over_a_day_days_90d, 0)
        end as listening__over_a_day_days_90d,
        case
            when listening.is_covered_90d
                then cast(coalesce(listening.excess_rows_90d, 0) as bigint)
        end as listening__excess_rows_90d,

        -- a year before
        case
            when listening.is_covered_last_year
                then coalesce(listening.active_days_28d_last_year, 0)
        end as calendar__active_days_28d_last_year
    from listening
)

select * from featured
