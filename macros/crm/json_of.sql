{#- A JSON object as text, from a mapping of names to columns; a null column is a null of it. -#}
{% macro json_of(columns) -%}
    {{ return(adapter.dispatch('json_of')(columns)) }}
{%- endmacro %}

{% macro duckdb__json_of(columns) -%}
    cast(json_object({% for name, column in columns.items() -%}
        '{{ name }}', {{ column }}{{ ', ' if not loop.last }}
    {%- endfor %}) as varchar)
{%- endmacro %}

{% macro default__json_of(columns) -%}
    to_json(named_struct({% for name, column in columns.items() -%}
        '{{ name }}', {{ column }}{{ ', ' if not loop.last }}
    {%- endfor %}))
{%- endmacro %}
