{#- The columns of kept features and their types, in the order of the YAML of a domain's
    examples. -#}
{% macro kept_types(domain) -%}
    {%- set types = {} -%}
    {%- for node in (graph.nodes.values() if execute else [])
        if node.name == domain ~ '__churn_examples' -%}
        {%- for name, column in node.columns.items()
            if '__' in name or name in ['customer_id', 'as_of_date', 'due_on', 'customer_value'] -%}
            {%- do types.update({name: column.data_type}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(types) }}
{%- endmacro %}
