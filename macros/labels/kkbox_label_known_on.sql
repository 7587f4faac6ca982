{#- First day on which an outcome is fully observed, from the expiry or the cut-off alone. -#}
{% macro kkbox_label_known_on(definition, expires_on, as_of_date) -%}
    {%- if definition == 'lapse' -%}
        {{ add_days(expires_on, 30) }}
    {%- elif definition == 'kaggle_rule' -%}
        {{ add_days(expires_on, 31) }}
    {%- elif definition == 'supplied' -%}
        {{ add_days(month_after(as_of_date), 31) }}
    {%- else -%}
        {{ exceptions.raise_compiler_error("kkbox has no label definition " ~ definition) }}
    {%- endif -%}
{%- endmacro %}
