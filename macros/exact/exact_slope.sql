{#- Least-squares slope per day of a daily measure over the w days before the cut-off, days without
    a row counting as 0. Needs only exact sums: sum of x, and sum of x*t with t = days before the
    cut-off (1 … w). Positive when the measure grows towards the cut-off. -#}
{% macro exact_slope(days, sum_x, sum_xt) -%}
    {%- set sum_t = days * (days + 1) // 2 -%}
    {%- set sum_tt = days * (days + 1) * (2 * days + 1) // 6 -%}
    cast({{ sum_t }} * {{ sum_x }} - {{ days }} * {{ sum_xt }} as double)
    / {{ days * sum_tt - sum_t * sum_t }}
{%- endmacro %}
