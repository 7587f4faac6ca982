{#- Sum of integers without rounding or overflow. `where` restricts the rows; a sum over no rows is
    null. `digits` is the width of one summand: 20 holds a bigint, 38 is for products. -#}
{% macro exact_sum(expression, where=none, digits=20) -%}
    {{ return(adapter.dispatch('exact_sum')(expression, where, digits)) }}
{%- endmacro %}

{#- A sum of bigint is a hugeint here: exact, and faster than decimals. A case instead of a filter:
    each filter of a group by gets a buffer of every column, which real time pays for. -#}
{% macro duckdb__exact_sum(expression, where, digits) -%}
    sum(
        {%- if where %}case when {{ where }} then {{ expression }} end
        {%- else %}{{ expression }}
        {%- endif -%}
    )
{%- endmacro %}

{% macro default__exact_sum(expression, where, digits) -%}
    {%- set filter = 'filter (where ' ~ where ~ ')' if where else '' -%}
    sum(cast({{ expression }} as decimal({{ digits }}, 0))) {{ filter }}
{%- endmacro %}
