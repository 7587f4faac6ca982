{#- True when a source covers the whole window [cut-off - days, cut-off). `coverage` is an alias of
    a row of <domain>_control.coverage, `domain` names whose grace applies at the recent end. -#}
{% macro is_covered(domain, coverage, as_of_date, days) -%}
    (
        {{ coverage }}.covered_from <= {{ add_days(as_of_date, -days) }}
        and {{ coverage }}.covered_before
        >= {{ add_days(as_of_date, -domain_setting(domain, 'coverage_grace_days')) }}
    )
{%- endmacro %}
