{#- Days of a period, in which an arm is drawn once: retention.period_days of a domain's entry. -#}
{% macro period_days(entry) -%}
{{ entry.get('retention', {}).get('period_days', 28) }}
{%- endmacro %}
