{#- The domains of a kind that this build is of, by name, with their entries. -#}
{% macro domains_of(kind) -%}
    {%- set found = {} -%}
    {%- for domain, entry in built_domains().items() if entry.kind == kind -%}
        {%- do found.update({domain: entry}) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
