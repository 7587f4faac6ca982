{#- Month of the year of a date, bigint. EXTRACT gives the same, but DuckDB makes it a table of some
    thirty thousand days first, for which one customer's answer in real time waits. -#}
{% macro month_of(date) -%}
    {{ return(adapter.dispatch('month_of')(date)) }}
{%- endmacro %}

{% macro default__month_of(date) -%}
    {%- set year_start = "date_trunc('year', " ~ date ~ ")" -%}
    {{ dbt.datediff(year_start, date, 'month') }} + 1
{%- endmacro %}

{% macro spark__month_of(date) -%}
    cast(month({{ date }}) as bigint)
{%- endmacro %}
