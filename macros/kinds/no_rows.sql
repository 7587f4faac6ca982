{#- A select without rows, of columns as the YAML lists them. -#}
{% macro no_rows(columns) -%}
    {%- set nulls = [] -%}
    {%- for column in columns -%}
        {%- set type = type_named(column.data_type) -%}
        {%- do nulls.append('cast(null as ' ~ type ~ ') as ' ~ column.name) -%}
    {%- endfor -%}
    select {{ nulls | join(', ') or '1 as nothing' }}
    where false
{%- endmacro %}
