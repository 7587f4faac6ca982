{#- How many rows a condition holds for, 0 for none. A CASE instead of a FILTER: DuckDB buffers
    every column for each filter of a group by, which costs more than the counting on one customer's
    rows. -#}
{% macro count_where(condition) -%}
    count(case when {{ condition }} then 1 end)
{%- endmacro %}
