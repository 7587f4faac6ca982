{#- What the YAML of each table of a source says under config.meta, by the table's name; nothing
    while dbt is still reading the project. -#}
{% macro source_meta(name) -%}
    {%- set found = {} -%}
    {%- for node in (graph.sources.values() if execute else []) if node.source_name == name -%}
        {%- do found.update({node.name: node.config.meta}) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
