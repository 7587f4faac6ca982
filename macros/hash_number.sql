{#- A large whole number that is the same for the same values and spread evenly: an order of chance,
    or with modulo 1000 a thousandth of everybody. `values` are SQL expressions, none of them null. -#}
{% macro hash_number(values) -%}
    {{ return(adapter.dispatch('hash_number')(values)) }}
{%- endmacro %}

{% macro duckdb__hash_number(values) -%}
    md5_number_lower(
        {%- for value in values %}
        {{- dbt.cast(value, dbt.type_string()) }}
        {%- if not loop.last %} || '|' || {% endif %}
        {%- endfor %})
{%- endmacro %}
