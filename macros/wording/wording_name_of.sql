{#- The name at a place of a list, counted from 1. -#}
{% macro wording_name_of(value, names) -%}
    split_part('{{ names | join('|') }}', '|', cast({{ value }} as integer))
{%- endmacro %}
