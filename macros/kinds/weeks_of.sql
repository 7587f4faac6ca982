{#- Rows with the last weeks before the scoring cut-off of each domain of a kind, the newest first:
    domain, as_of_date, weeks_before (1 is the week that ends with the day before the cut-off),
    week_starts_on, week_ends_before.
    settings  relation with the kind's settings -#}
{% macro weeks_of(settings) -%}
    select
        scoring.domain,
        scoring.as_of_date,
        weeks.weeks_before,
        {{ add_days('scoring.as_of_date', '-7 * weeks.weeks_before') }} as week_starts_on,
        {{ add_days('scoring.as_of_date', '7 - 7 * weeks.weeks_before') }} as week_ends_before
    from {{ ref('control__scoring_cut_offs') }} as scoring
    inner join {{ settings }} as entries on scoring.domain = entries.domain
    cross join (
        {{ number_series(1, var('activity_weeks'), 'weeks_before') }}
    ) as weeks
{%- endmacro %}
