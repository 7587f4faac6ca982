{#- Hour of the day of a UTC timestamp, 0 to 23, where the domain's customers are (timezone). Days
    stay those of UTC, in which cut-offs are. -#}
{% macro hour_of_day(timestamp, domain) -%}
    {%- set zone = var('churn_domains')[domain].get('timezone', 'UTC') -%}
    {%- if zone == 'UTC' -%}
        extract(hour from {{ timestamp }})
    {%- else -%}
        extract(hour from {{ adapter.dispatch('local_time')(timestamp, zone) }})
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__local_time(timestamp, zone) -%}
    timezone('{{ zone }}', timezone('UTC', {{ timestamp }}))
{%- endmacro %}

{% macro default__local_time(timestamp, zone) -%}
    from_utc_timestamp({{ timestamp }}, '{{ zone }}')
{%- endmacro %}
