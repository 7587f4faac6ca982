{#- A name as a code: lower case, everything between letters and digits one underscore. -#}
{% macro snake_case(name) -%}
    {{ return(modules.re.sub('[\\W_]+', '_', name | lower).strip('_')) }}
{%- endmacro %}
