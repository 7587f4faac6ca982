{#- A UTC timestamp on the clocks of the place where the domain's customers are (timezone). Days
    stay those of UTC, in which cut-offs are. -#}
{% macro local_time(timestamp, domain) -%}
    {%- set zone = var('churn_domains')[domain].get('timezone', 'UTC') -%}
    {{ timestamp if zone == 'UTC' else adapter.dispatch('zoned_time')(timestamp, zone) }}
{%- endmacro %}

{% macro duckdb__zoned_time(timestamp, zone) -%}
    timezone('{{ zone }}', timezone('UTC', {{ timestamp }}))
{%- endmacro %}

{% macro default__zoned_time(timestamp, zone) -%}
    from_utc_timestamp({{ timestamp }}, '{{ zone }}')
{%- endmacro %}
