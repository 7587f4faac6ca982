{#- An exact sum as a bigint, 0 where it is null: nothing happened in the window. -#}
{% macro bigint_or_zero(value) -%}
    cast(coalesce({{ value }}, 0) as bigint)
{%- endmacro %}
