{#- The third of the cohort by value that a customer is in; null without a value.
    value  the customer's
    bands  row of int_churn__value_bands_cut -#}
{% macro value_band(value, bands) -%}
    case
        when {{ value }} <= {{ bands }}.low_until then 'low'
        when {{ value }} <= {{ bands }}.middle_until then 'middle'
        when {{ value }} > {{ bands }}.middle_until then 'high'
    end
{%- endmacro %}
