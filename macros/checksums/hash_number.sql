{#- A large whole number that is the same for the same values and spread evenly: an order of chance,
    or with modulo 1000 a thousandth of everybody. `values` are SQL expressions, none of them
    null. -#}
{% macro hash_number(values) -%}
    {{ return(adapter.dispatch('hash_number')(values)) }}
{%- endmacro %}

{% macro duckdb__hash_number(values) -%}
    {%- set texts = [] -%}
    {%- for value in values -%}
        {%- do texts.append(dbt.cast(value, dbt.type_string())) -%}
    {%- endfor -%}
    md5_number_lower({{ texts | join(" || '|' || ") }})
{%- endmacro %}

{% macro default__hash_number(values) -%}
    {%- set texts = [] -%}
    {%- for value in values -%}
        {%- do texts.append(dbt.cast(value, dbt.type_string())) -%}
    {%- endfor -%}
    {{ md5_part(texts | join(" || '|' || "), 16) }}
{%- endmacro %}
