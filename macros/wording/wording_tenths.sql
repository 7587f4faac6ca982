{#- A number as text with one decimal. -#}
{% macro wording_tenths(value) -%}
    {{ dbt.cast('cast(' ~ value ~ ' as decimal(38, 1))', dbt.type_string()) }}
{%- endmacro %}
