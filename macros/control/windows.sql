{#- The windows [D - days, D - until) that features of a domain read, as pairs of days and until:
    those that end with the cut-off, and those of a year before; without a domain, those that every
    domain has. -#}
{% macro windows(domain=none) -%}
    {%- set found = [] -%}
    {%- for days in [7, 14, 28, 30, 56, 60, 90, 180, 365] -%}
        {%- do found.append((days, 0)) -%}
    {%- endfor -%}
    {%- do found.extend([(393, 365), (455, 365)]) -%}
    {%- set horizon = var('churn_domains')[domain].get('horizon_days') if domain -%}
    {%- if horizon -%}
        {%- do found.append((365, 365 - domain_setting(domain, 'horizon_days') | int)) -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}
