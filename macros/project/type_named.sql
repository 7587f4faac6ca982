{#- The engine's name of a type as the YAML names it. -#}
{% macro type_named(type) -%}
    {{ return(adapter.dispatch('type_named')(type)) }}
{%- endmacro %}

{% macro default__type_named(type) -%}
    {{ return(type) }}
{%- endmacro %}

{% macro spark__type_named(type) -%}
    {{ return({'varchar': 'string', 'hugeint': 'decimal(38, 0)'}.get(type, type)) }}
{%- endmacro %}
