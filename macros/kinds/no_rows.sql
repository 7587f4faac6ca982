{#- A select without rows, of columns as the YAML lists them. -#}
{% macro no_rows(columns) -%}
    {%- set nulls = [] -%}
    {%- for column in columns -%}
        {%- do nulls.append('cast(null as ' ~ type_named(column.data_type) ~ ') as ' ~ column.name) -%}
    {%- endfor -%}
    select {{ nulls | join(', ') or '1 as nothing' }}
    where false
{%- endmacro %}
