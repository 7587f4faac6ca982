{#- The weeks of `weeks`, a relation made by `weeks_of`, that the record of one of a domain's
    tables fills: it has begun, reaches to the week's end (the last week may end within the domain's
    grace), and no day is a hole. Rows: domain, as_of_date, weeks_before.
    settings  relation with the kind's settings
    table_of  its column that names the table of the source (or table.part) -#}
{% macro weeks_filled(weeks, settings, table_of) -%}
    select
        weeks.domain,
        weeks.as_of_date,
        weeks.weeks_before
    from {{ weeks }} as weeks
    inner join {{ settings }} as entries on weeks.domain = entries.domain
    inner join {{ ref('control__coverage') }} as coverage
        on
            weeks.domain = coverage.domain
            and weeks.as_of_date = coverage.as_of_date
            and entries.{{ table_of }} = coverage.table_name
    left join {{ ref('control__holes') }} as holes
        on
            coverage.domain = holes.domain
            and coverage.table_name = holes.table_name
            and weeks.week_starts_on <= holes.day
            and weeks.week_ends_before > holes.day
    where
        coverage.covered_from <= weeks.week_starts_on
        and coverage.covered_before >= least(
            weeks.week_ends_before,
            {{ add_days('weeks.as_of_date', '-entries.coverage_grace_days') }}
        )
    group by weeks.domain, weeks.as_of_date, weeks.weeks_before
    having count(holes.day) = 0
{%- endmacro %}
