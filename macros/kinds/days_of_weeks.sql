{#- Rows with the seven days of each week of `weeks`, a relation made by `weeks_of`: domain,
    weeks_before and day. -#}
{% macro days_of_weeks(weeks) -%}
    select
        weeks.domain,
        weeks.weeks_before,
        {{ add_days('weeks.week_starts_on', 'days.day_of_week') }} as day
    from {{ weeks }} as weeks
    cross join (
        {{ number_series(0, 6, 'day_of_week') }}
    ) as days
{%- endmacro %}
