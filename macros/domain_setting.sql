{#- One key of a domain's entry in vars.churn_domains; a missing key is an error, not a null. -#}
{% macro domain_setting(domain, key) -%}
    {%- set entry = var('churn_domains').get(domain) -%}
    {%- if entry is none or key not in entry -%}
        {{ exceptions.raise_compiler_error(
            "vars.churn_domains." ~ domain ~ "." ~ key ~ " is missing from dbt_project.yml"
        ) }}
    {%- endif -%}
    {{ return(entry[key]) }}
{%- endmacro %}
