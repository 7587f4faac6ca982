{#- A value where the source covers its window, else null: what is not observed is not zero. Both
    arguments are SQL expressions, the first a flag made by `is_covered` or `is_week_covered`. -#}
{% macro when_covered(is_covered, value) -%}
    case when {{ is_covered }} then {{ value }} end
{%- endmacro %}
