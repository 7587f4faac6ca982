{#- True for every customer, except under the target `dev`: there for a share of them (var
    dev_sample_percent), the same ones every time, with their whole history. -#}
{% macro in_sample(customer_id) -%}
    {%- set share = percent_of_hash(customer_id) ~ ' < ' ~ var('dev_sample_percent') -%}
    {{ share if target.name == 'dev' else 'true' }}
{%- endmacro %}
