{#- One key of a domain's entry in vars.churn_domains; a missing key is an error, not a null. A text
    may name other keys of the entry in braces: no_order_h{horizon_days} follows an override. -#}
{% macro domain_setting(domain, key) -%}
    {%- set entry = var('churn_domains').get(domain) -%}
    {%- if entry is none or key not in entry -%}
        {{ exceptions.raise_compiler_error(
            "vars.churn_domains." ~ domain ~ "." ~ key ~ " is missing from dbt_project.yml"
        ) }}
    {%- endif -%}
    {%- set value = entry[key] -%}
    {{ return(value.format(**entry) if value is string else value) }}
{%- endmacro %}
