{#- A part of the customers who were scored, as a share of them all: `part` is their number, or
    what was kept of them; null where nobody is known to have been scored. -#}
{% macro over_all_scored(part, customers_scored) -%}
    {{ part }} / cast(nullif({{ customers_scored }}, 0) as double)
{%- endmacro %}
