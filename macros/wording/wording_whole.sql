{#- A number as text, rounded to a whole one. -#}
{% macro wording_whole(value) -%}
    {{ dbt.cast('cast(round(' ~ value ~ ') as decimal(38, 0))', dbt.type_string()) }}
{%- endmacro %}
