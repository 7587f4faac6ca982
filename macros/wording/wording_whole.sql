{#- A number as text, rounded to a whole one, its thousands parted by commas. -#}
{% macro wording_whole(value) -%}
    format('{:,}', cast(round({{ value }}) as hugeint))
{%- endmacro %}
