{#- The day it is now where the domain's days are counted, as YYYY-MM-DD. The variable `today`
    stands in for it when a missed night is made up for, and the environment variable CHURN_TODAY
    when past nights are run again. -#}
{% macro domain_today(domain) -%}
    {%- set zone = var('churn_domains')[domain].get('timezone', 'UTC') -%}
    {%- set here = run_started_at.astimezone(modules.pytz.timezone(zone)).strftime('%Y-%m-%d') -%}
    {{ return(var('today', {}).get(domain, env_var('CHURN_TODAY', here))) }}
{%- endmacro %}
