{#- Sample standard deviation from exact n, sum of x and sum of x squared (decimal or integer):
    sqrt((n*sxx - sx*sx) / (n*(n - 1))); null below two values. The numerator is exact. -#}
{% macro exact_stddev(n, sum_x, sum_xx) -%}
    sqrt(
        cast({{ n }} * {{ sum_xx }} - {{ sum_x }} * {{ sum_x }} as double)
        / nullif(cast({{ n }} * ({{ n }} - 1) as double), 0)
    )
{%- endmacro %}
