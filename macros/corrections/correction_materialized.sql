{#- How a correction is kept: as a table where it is adopted, since several models read it; as a
    view that nothing reads where it is not. -#}
{% macro correction_materialized(domain, name) -%}
    {%- set adopted = var('churn_domains')[domain].get('corrections') or [] -%}
    {{ return('table' if name in adopted else 'view') }}
{%- endmacro %}
