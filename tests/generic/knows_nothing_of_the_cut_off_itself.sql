{#- Catches a window that is closed on the wrong side: it shows as an event 0 days old, or as more
    days than the window has. -#}
{% test knows_nothing_of_the_cut_off_itself(model, domain) %}
{%- set recency, seen, days = {
    'no_contract': (
        'orders__days_since_last',
        ['browsing__days_since_visit', 'browsing__days_since_cart'],
        'browsing__visit_days'
    ),
    'subscription': (
        'payment__days_since_last_transaction',
        ['payment__days_since_last_payment', 'usage__days_since_last'],
        'usage__active_days'
    ),
}[var('churn_domains')[domain].kind] %}
select *
from {{ model }}
where
    {{ recency }} < 1
    {%- for name in seen %}
    or {{ name }} < 1
    {%- endfor %}
    or {{ days }}_7d > 7
    or {{ days }}_90d > 90
{% endtest %}
