{#- A driver phrase with the customer's value and the usual value filled in; expects the aliases
    `drivers` and `features` of int_churn__drivers_worded. -#}
{% macro fill_phrase(phrase, value) -%}
    replace(
        replace({{ phrase }}, '{value}', {{ format_value(value, 'features.unit') }}),
        '{usual}',
        {{ format_value('drivers.usual_value', 'features.unit') }}
    )
{%- endmacro %}
