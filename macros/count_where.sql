{#- How many rows a condition holds for, 0 for none. Said as a case: each filter of a group by gets a
    buffer of every column, and on the rows of one customer that costs more than counting. -#}
{% macro count_where(condition) -%}
    count(case when {{ condition }} then 1 end)
{%- endmacro %}
