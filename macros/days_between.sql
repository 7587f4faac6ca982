{#- Whole days from one date to a later one, bigint; negative when it is earlier. -#}
{% macro days_between(start_date, end_date) -%}
    {{ dbt.datediff(start_date, end_date, 'day') }}
{%- endmacro %}
