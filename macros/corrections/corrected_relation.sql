{#- What fills a staged shape of a domain for its features: the last correction that its entry
    adopts, each of which reads the one before it, or what the entry names where there is none. -#}
{% macro corrected_relation(domain, shape) -%}
    {%- set names = adopted_corrections(domain, shape) -%}
    {%- if names -%}
        {{ return(ref('int_' ~ domain ~ '__' ~ names[-1])) }}
    {%- endif -%}
    {{ return(ref(var('churn_domains')[domain].staged[shape])) }}
{%- endmacro %}
