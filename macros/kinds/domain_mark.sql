{#- The line above each domain's own part of a union: real time and the proofs run one domain, and
    take its part of the text alone (pipeline/warehouse/compiled_sql.py). -#}
{% macro domain_mark(domain) -%}
-- domain: {{ domain }}
{%- endmacro %}
