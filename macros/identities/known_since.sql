{#- What stands between a customer and the day since when a history of several ids holds. An id of
    the files would need a control character before this very word to be taken for one. -#}
{% macro known_since() -%}
    {{ return("chr(31) || 'since '") }}
{%- endmacro %}
