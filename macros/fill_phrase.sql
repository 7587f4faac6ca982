{#- A driver phrase with the customer's value and the usual value filled in; expects the aliases
    `drivers` and `features` of int_churn__drivers_worded. Where both read the same, what is usual
    is not said twice. -#}
{% macro fill_phrase(phrase, value) -%}
    {%- set own = format_value(value, 'features.unit', 'features.currency') -%}
    {%- set usual = format_value('drivers.usual_value', 'features.unit', 'features.currency') -%}
    {{ singular(
        "replace(replace(case when " ~ own ~ " = " ~ usual ~ " then split_part(" ~ phrase
        ~ ", ';', 1) || ', as is usual' else " ~ phrase ~ " end, '{value}', " ~ own
        ~ "), '{usual}', " ~ usual ~ ")"
    ) }}
{%- endmacro %}
