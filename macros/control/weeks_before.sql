{#- Rows with the scoring cut-off's last weeks, the newest first: as_of_date, weeks_before (1 is the
    week that ends with the day before the cut-off), week_starts_on, week_ends_before. -#}
{% macro weeks_before(domain) -%}
    select
        scoring.as_of_date,
        weeks.weeks_before,
        {{ add_days('scoring.as_of_date', '-7 * weeks.weeks_before') }} as week_starts_on,
        {{ add_days('scoring.as_of_date', '7 - 7 * weeks.weeks_before') }} as week_ends_before
    from {{ ref('control__scoring_cut_offs') }} as scoring
    cross join (
        {{ number_series(1, var('activity_weeks'), 'weeks_before') }}
    ) as weeks
    where scoring.domain = '{{ domain }}'
{%- endmacro %}
