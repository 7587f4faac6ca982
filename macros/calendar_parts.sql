{#- Month of the year and day of the month of a date. EXTRACT gives the same, but DuckDB makes it a
    table of some thirty thousand days first, for which one customer's answer in real time waits. -#}
{% macro month_of(date) -%}
    {{ dbt.datediff('date_trunc(\'year\', ' ~ date ~ ')', date, 'month') }} + 1
{%- endmacro %}

{% macro day_of_month(date) -%}
    {{ days_between('cast(date_trunc(\'month\', ' ~ date ~ ') as date)', date) }} + 1
{%- endmacro %}
