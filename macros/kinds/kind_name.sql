{#- What the kind calls a feature of a domain: the kind's words instead of the domain's. -#}
{% macro kind_name(domain, feature) -%}
    {%- set kinds = {} -%}
    {%- for ours, own in var('churn_domains')[domain].get('words', {}).items() -%}
        {%- do kinds.update({own: ours}) -%}
    {%- endfor -%}
    {%- set parts = [] -%}
    {%- for part in feature.split('_') -%}
        {%- do parts.append(kinds.get(part, part)) -%}
    {%- endfor -%}
    {{ return(parts | join('_')) }}
{%- endmacro %}
