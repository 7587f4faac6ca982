{#- A whole number from 0 to 99 that depends on the text alone. -#}
{% macro percent_of_hash(text) -%}
    {{ return(adapter.dispatch('percent_of_hash')(text)) }}
{%- endmacro %}

{% macro duckdb__percent_of_hash(text) -%}
    cast(md5_number_lower({{ text }}) % 100 as integer)
{%- endmacro %}

{% macro default__percent_of_hash(text) -%}
    cast({{ md5_part(text, 16) }} % 100 as integer)
{%- endmacro %}
