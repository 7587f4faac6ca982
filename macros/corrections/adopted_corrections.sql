{#- The corrections of a staged shape that a domain's entry adopts, in its order. A correction's
    name begins with the shape that it corrects. -#}
{% macro adopted_corrections(domain, shape) -%}
    {%- set names = [] -%}
    {%- for name in var('churn_domains')[domain].get('corrections') or [] -%}
        {%- if name.startswith(shape ~ '_') -%}
            {%- do names.append(name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}
