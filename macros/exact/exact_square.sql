{#- Square of a bigint, wide enough not to overflow. -#}
{% macro exact_square(value) -%}
    {{ return(adapter.dispatch('exact_square')(value)) }}
{%- endmacro %}

{% macro duckdb__exact_square(value) -%}
    cast({{ value }} as hugeint) * {{ value }}
{%- endmacro %}

{% macro default__exact_square(value) -%}
    cast({{ value }} as decimal(19, 0)) * cast({{ value }} as decimal(19, 0))
{%- endmacro %}
