{#- The customer of a history (known_as of control__identities). -#}
{% macro known_customer(known_as) -%}
    split_part({{ known_as }}, {{ known_since() }}, 1)
{%- endmacro %}
