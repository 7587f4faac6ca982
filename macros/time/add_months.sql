{#- A date some months later; the last day of a shorter month when the day does not exist. -#}
{% macro add_months(date, months) -%}
    cast({{ dbt.dateadd('month', months, date) }} as date)
{%- endmacro %}
