{#- The first day of the month after that of a date. -#}
{% macro next_month(date) -%}
    {{ return(adapter.dispatch('next_month')("date_trunc('month', " ~ date ~ ")")) }}
{%- endmacro %}

{% macro default__next_month(month_start) -%}
    cast({{ dbt.dateadd('month', 1, month_start) }} as date)
{%- endmacro %}

{% macro spark__next_month(month_start) -%}
    add_months(cast({{ month_start }} as date), 1)
{%- endmacro %}
