{#- Day of the month of a date, bigint. Why not EXTRACT: see month_of. -#}
{% macro day_of_month(date) -%}
    {%- set month_start = "cast(date_trunc('month', " ~ date ~ ") as date)" -%}
    {{ days_between(month_start, date) }} + 1
{%- endmacro %}
