{#- Catches an outcome that is known on a day that follows from what happened: the day follows from
    the cut-off or the expiry alone. -#}
{% test is_label_known_with_its_cohort(model, domain) %}
{%- set entry = var('churn_domains')[domain] %}
select *
from {{ model }}
where
    label_known_on <= as_of_date
    or (
        label_definition = '{{ domain_setting(domain, 'label_definition') }}'
        and label_known_on !=
        {%- if entry.kind == 'subscription' %} {{ add_days('expires_on', 30) }}
        {%- else %} {{ add_days('as_of_date', entry.horizon_days) }}
        {%- endif %}
    )
{% endtest %}
