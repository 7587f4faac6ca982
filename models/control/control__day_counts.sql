-- One row per domain, table of its source (or table.part) and day from its first event to its last:
-- how many rows the day has, and how many it would have if it were like the days before it.
--
-- Expected is the median of the same weekday in the last eight weeks with any row: a week without
-- one is no measure of the next. Fewer than four such weeks are not enough to expect anything. What
-- one day of a small business cannot show, seven or twenty-eight in a row can; a weekly shop sells
-- in bursts, so there a tenth counts as far below, not a fifth. The last four weeks must also have
-- rows on more than a tenth of the days they usually have rows on: a single day after a long gap is
-- not a record that goes on, however full it is.
{%- set spans = {'week': 7, 'month': 28} %}
with

event_days as (
    select * from {{ ref('control__event_days') }}
),

spans as (
    select
        domain,
        table_name,
        min(day) as first_day,
        max(day) as last_day
    from event_days
    group by domain, table_name
),

reach as (
    select
        min(first_day) as first_day,
        {{ add_days('max(last_day)', 1) }} as end_before
    from spans
),

calendar as (
    {{ day_series('(select first_day from reach)', '(select end_before from reach)') }}
),

days as (
    select
        spans.domain,
        spans.table_name,
        calendar.day,
        -- 2000-01-03 was a Monday
        {{ days_between("date '2000-01-03'", 'calendar.day') }} % 7 as weekday,
        coalesce(event_days.event_rows, 0) as event_rows
    from spans
    inner join calendar
        on
            spans.first_day <= calendar.day
            and spans.last_day >= calendar.day
    left join event_days
        on
            spans.domain = event_days.domain
            and spans.table_name = event_days.table_name
            and calendar.day = event_days.day
),

weeks_marked as (
    select
        *,
        sum(event_rows) over (
            partition by domain, table_name
            order by day rows between current row and 6 following
        ) > 0 as has_week_rows
    from days
),

weeks_counted as (
    select
        *,
        count(case when has_week_rows then 1 end) over (
            partition by domain, table_name, weekday
            order by day rows between unbounded preceding and 1 preceding
        ) as weeks_before
    from weeks_marked
),

usual as (
    select
        days.domain,
        days.table_name,
        days.day,
        median(weeks.event_rows) as expected_rows
    from weeks_counted as days
    inner join weeks_counted as weeks
        on
            days.domain = weeks.domain
            and days.table_name = weeks.table_name
            and days.weekday = weeks.weekday
            and days.day > weeks.day
            and days.weeks_before - 8 <= weeks.weeks_before
    where weeks.has_week_rows
    group by days.domain, days.table_name, days.day
    having count(*) >= 4
),

expected as (
    select
        days.domain,
        days.table_name,
        days.day,
        days.event_rows,
        usual.expected_rows
    from days
    left join usual
        on
            days.domain = usual.domain
            and days.table_name = usual.table_name
            and days.day = usual.day
),

summed as (
    select
        *,
        {%- for name, days in spans.items() %}
        sum(event_rows) over (
            partition by domain, table_name
            order by day rows between {{ days - 1 }} preceding and current row
        ) as {{ name }}_rows,
        sum(expected_rows) over (
            partition by domain, table_name
            order by day rows between {{ days - 1 }} preceding and current row
        ) as expected_{{ name }}_rows,
        count(expected_rows) over (
            partition by domain, table_name
            order by day rows between {{ days - 1 }} preceding and current row
        ) = {{ days }} as is_{{ name }}_expected,
        {%- endfor %}
        count(case when event_rows > 0 then 1 end) over (
            partition by domain, table_name
            order by day rows between 27 preceding and current row
        ) as month_days,
        cast(count(case when expected_rows > 0 then 1 end) over (
            partition by domain, table_name
            order by day rows between 27 preceding and current row
        ) as double) as expected_month_days
    from expected
),

final as (
    select
        domain,
        table_name,
        day,
        event_rows,
        expected_rows,
        coalesce({{ is_far_below('event_rows', 'expected_rows') }}, false) as is_day_thin,
        is_week_expected
        and {{ is_far_below('week_rows', 'expected_week_rows', share=0.1) }} as is_week_thin,
        (
            is_month_expected
            and {{ is_far_below('month_rows', 'expected_month_rows', share=0.1) }}
        )
        or {{ is_far_below('month_days', 'expected_month_days', share=0.1) }} as is_month_thin
    from summed
)

select * from final
