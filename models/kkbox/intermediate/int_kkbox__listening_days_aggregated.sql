-- One row per cut-off, member and day in reach of a window: the 90 days before the cut-off and the
-- same four weeks a year earlier. Two log rows of one day become one, and are counted.
with

cut_offs as (
    select as_of_date from {{ ref('control__cut_offs') }}
    where domain = 'kkbox'
),

cohort as (
    select customer_id from {{ ref('int_kkbox__cohorts_selected') }}
),

logs as (
    select * from {{ ref('stg_kkbox__user_logs') }}
),

days_in_reach as (
    {{ number_series(1, 90, 'days_before') }}
    union all
    {{ number_series(366, 393, 'days_before') }}
),

window_days as (
    select
        cut_offs.as_of_date,
        days_in_reach.days_before,
        {{ add_days('cut_offs.as_of_date', '-days_in_reach.days_before') }} as day
    from cut_offs
    cross join days_in_reach
),

-- Only days that some window needs are read from the lake, and only members of some cohort.
member_days as (
    select
        logs.customer_id,
        logs.listened_on,
        count(*) as log_rows,
        cast(sum(logs.seconds) as bigint) as seconds,
        cast(sum(logs.songs_under_25_percent) as bigint) as songs_skipped,
        cast(sum(logs.songs_completed) as bigint) as songs_completed,
        cast(sum(logs.songs_different) as bigint) as songs_different,
        cast(sum(
            logs.songs_under_25_percent + logs.songs_under_50_percent + logs.songs_under_75_percent
            + logs.songs_under_985_percent + logs.songs_completed
        ) as bigint) as songs_played,
        bool_or(logs.is_seconds_negative) as is_seconds_negative,
        bool_or(logs.is_seconds_over_a_day) as is_seconds_over_a_day
    from logs
    where
        logs.listened_on in (select window_days.day from window_days)
        and logs.customer_id in (select cohort.customer_id from cohort)
    group by all
),

squared as (
    select
        *,
        {{ exact_square('seconds') }} as seconds_squared,
        -- 2000-01-01 was a Saturday
        {{ days_between("date '2000-01-01'", 'listened_on') }} % 7 < 2 as is_weekend
    from member_days
),

final as (
    select
        window_days.as_of_date,
        window_days.days_before,
        squared.*
    from squared
    inner join window_days on squared.listened_on = window_days.day
)

select * from final
