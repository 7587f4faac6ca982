{#- A number as text, rounded to a whole one, its thousands parted by commas. -#}
{% macro wording_whole(value) -%}
    {{ return(adapter.dispatch('wording_whole')(value)) }}
{%- endmacro %}

{% macro duckdb__wording_whole(value) -%}
    format('{:,}', cast(round({{ value }}) as hugeint))
{%- endmacro %}
