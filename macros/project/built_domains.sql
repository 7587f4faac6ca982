{#- The entries of the domains that this build is of, by name: all, but for those that are left out
    because a model or a test of theirs has failed or their scores were refused (var left_out). A
    model that refers to each domain's own models goes by it, so that one domain's fault does not
    stop the others; the sources of what is left out have no rows. -#}
{% macro built_domains() -%}
    {%- set entries = {} -%}
    {%- for domain, entry in var('churn_domains').items() if domain not in var('left_out', []) -%}
        {%- do entries.update({domain: entry}) -%}
    {%- endfor -%}
    {{ return(entries) }}
{%- endmacro %}
