{#- The schema is the first folder under models/, so a reader finds a table where its SQL lies; what
    a domain publishes of its own lies in its folder serving/ and in the schema that is
    published. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if node.resource_type == 'model' -%}
        {{ 'serving' if 'serving' in node.fqn[1:-1] else node.fqn[1] }}
    {%- elif custom_schema_name -%}
        {{ custom_schema_name | trim }}
    {%- else -%}
        {{ target.schema }}
    {%- endif -%}
{%- endmacro %}
