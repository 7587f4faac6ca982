{#- True when a source covers the whole window [cut-off - days, cut-off - until). `coverage` is an
    alias of a row of control__coverage; `domain` names whose grace applies at the recent
    end of a window that reaches to the cut-off. -#}
{% macro is_covered(domain, coverage, as_of_date, days, until=0) -%}
    {%- set grace = domain_setting(domain, 'coverage_grace_days') if until == 0 else until -%}
    (
        {{ coverage }}.covered_from <= {{ add_days(as_of_date, -days) }}
        and {{ coverage }}.covered_before >= {{ add_days(as_of_date, -grace) }}
    )
{%- endmacro %}
