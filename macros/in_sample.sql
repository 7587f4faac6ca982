{#- True for every customer, except under the target `dev`: there for a share of them (var
    dev_sample_percent), the same ones every time, with their whole history. -#}
{% macro in_sample(customer_id) -%}
    {%- if target.name == 'dev' -%}
        {{ adapter.dispatch('percent_of_hash')(customer_id) }} < {{ var('dev_sample_percent') }}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{#- A number from 0 to 99 that depends on the text alone. -#}
{% macro duckdb__percent_of_hash(text) -%}
    cast(md5_number_lower({{ text }}) % 100 as integer)
{%- endmacro %}
