{#- Whether some domain of a kind adopts a correction of a staged shape. -#}
{% macro is_kind_corrected(kind, shape) -%}
    {%- set found = [] -%}
    {%- for domain in domains_of(kind) -%}
        {%- do found.extend(adopted_corrections(domain, shape)) -%}
    {%- endfor -%}
    {{ return(found | length > 0) }}
{%- endmacro %}
