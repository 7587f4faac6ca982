{#- The weeks of `weeks`, a relation made by `weeks_before`, that the record of a table of a
    domain's source (or table.part) fills: it has begun, reaches to the week's end (the last week
    may end within the domain's grace), and no day is a hole. Rows: as_of_date, weeks_before. -#}
{% macro weeks_filled(domain, weeks, table_name) -%}
    select
        weeks.as_of_date,
        weeks.weeks_before
    from {{ weeks }} as weeks
    inner join {{ ref('control__coverage') }} as coverage
        on
            weeks.as_of_date = coverage.as_of_date
            and coverage.domain = '{{ domain }}'
            and coverage.table_name = '{{ table_name }}'
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
            {{ add_days('weeks.as_of_date', -domain_setting(domain, 'coverage_grace_days')) }}
        )
    group by weeks.as_of_date, weeks.weeks_before
    having count(holes.day) = 0
{%- endmacro %}
