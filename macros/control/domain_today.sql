{#- The day it is now where the domain's days are counted, as YYYY-MM-DD. The environment variable
    CHURN_TODAY stands in for it, so that past nights can be run again. -#}
{% macro domain_today(domain) -%}
    {%- set zone = var('churn_domains')[domain].get('timezone', 'UTC') -%}
    {%- set here = run_started_at.astimezone(modules.pytz.timezone(zone)).strftime('%Y-%m-%d') -%}
    {{ return(env_var('CHURN_TODAY', here)) }}
{%- endmacro %}
