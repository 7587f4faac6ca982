{#- True when a source covers a whole week of `weeks_before`; `coverage` is an alias of a row of
    control__coverage, null where the source has no row. The last week may end within the
    domain's grace. -#}
{% macro is_week_covered(domain, coverage, week) -%}
    coalesce(
        {{ coverage }}.covered_from <= {{ week }}.week_starts_on
        and {{ coverage }}.covered_before >= least(
            {{ week }}.week_ends_before,
            {{ add_days(week ~ '.as_of_date', -domain_setting(domain, 'coverage_grace_days')) }}
        ),
        false
    )
{%- endmacro %}
