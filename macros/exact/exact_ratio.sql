{#- Quotient of two exact integers as a double: one division, null when the divisor is 0. -#}
{% macro exact_ratio(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0)
{%- endmacro %}
