-- One row per domain, table of its source (or table.part), cut-off D and window
-- [D - window_days, D - until_days): whether the table's record fills it. It does when it has begun
-- by then, reaches to the window's end (to within the domain's grace where that is the cut-off),
-- and not more than a thirtieth of its days are holes, by what was known at D.
with

coverage as (
    select * from {{ ref('control__coverage') }}
),

holes as (
    select * from {{ ref('control__holes') }}
),

lengths as (
    {%- for domain in var('churn_domains') %}
    {%- set of_domain = loop %}
    {%- for days, until in windows(domain) %}
    select
        '{{ domain }}' as domain,
        {{ days }} as window_days,
        {{ until }} as until_days,
        {{ until or domain_setting(domain, 'coverage_grace_days') }} as end_days
    {%- if not (loop.last and of_domain.last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
),

windows as (
    select
        coverage.domain,
        coverage.table_name,
        coverage.as_of_date,
        lengths.window_days,
        lengths.until_days,
        coverage.covered_from <= {{ add_days('coverage.as_of_date', '-lengths.window_days') }}
        and coverage.covered_before >= {{ add_days('coverage.as_of_date', '-lengths.end_days') }}
            as is_within_record
    from coverage
    inner join lengths on coverage.domain = lengths.domain
),

final as (
    select
        windows.domain,
        windows.table_name,
        windows.as_of_date,
        windows.window_days,
        windows.until_days,
        windows.is_within_record
        and 30 * count(holes.day) <= windows.window_days - windows.until_days as is_whole
    from windows
    left join holes
        on
            windows.domain = holes.domain
            and windows.table_name = holes.table_name
            and windows.as_of_date >= holes.known_from
            and {{ add_days('windows.as_of_date', '-windows.window_days') }} <= holes.day
            and {{ add_days('windows.as_of_date', '-windows.until_days') }} > holes.day
    group by
        windows.domain,
        windows.table_name,
        windows.as_of_date,
        windows.window_days,
        windows.until_days,
        windows.is_within_record
)

select * from final
