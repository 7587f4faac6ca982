-- One row per domain, table of its source (or table.part) and day from which its record goes on:
-- its first day, and a later one where what lies before it is a few stray rows, dated long before
-- the rest.
--
-- Rows are stray before a gap of four weeks when they are far fewer than those of the four weeks
-- after it, or when a year is empty and less than four weeks of days have any; that can be told
-- once those four weeks are over.
with

counts as (
    select * from {{ ref('control__day_counts') }}
),

summed as (
    select
        *,
        sum(event_rows) over (
            partition by domain, table_name
            order by day rows between unbounded preceding and 1 preceding
        ) as rows_before,
        count(case when event_rows > 0 then 1 end) over (
            partition by domain, table_name
            order by day rows between unbounded preceding and 1 preceding
        ) as days_before,
        max(case when event_rows > 0 then day end) over (
            partition by domain, table_name
            order by day rows between unbounded preceding and 1 preceding
        ) as previous_day,
        sum(event_rows) over (
            partition by domain, table_name
            order by day rows between current row and 27 following
        ) as rows_after
    from counts
),

resumed as (
    select
        *,
        {{ days_between('previous_day', 'day') }} as gap_days
    from summed
    where event_rows > 0
),

final as (
    select
        domain,
        table_name,
        day as starts_on,
        case when previous_day is null then day else {{ add_days('day', 28) }} end as known_from
    from resumed
    where
        previous_day is null
        or (
            gap_days > 28
            and (
                {{ is_far_below('rows_before', 'rows_after') }}
                or (gap_days > 365 and days_before < 28)
            )
        )
)

select * from final
