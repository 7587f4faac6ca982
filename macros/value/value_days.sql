{#- Days that a domain's customer_value covers. -#}
{% macro value_days(domain) -%}
    {%- set entry = var('churn_domains')[domain] -%}
    {{ return(entry.get('value_days') or 30 * entry.value_months) }}
{%- endmacro %}
