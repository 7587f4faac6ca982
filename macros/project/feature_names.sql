{#- Names of a domain's features in the order of the YAML of its examples. -#}
{% macro feature_names(domain) -%}
    {%- set names = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.name == domain ~ '__churn_examples' -%}
            {%- for column in node.columns if '__' in column -%}
                {%- do names.append(column) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(names) }}
{%- endmacro %}
