-- One row per domain: how its cut-offs are laid.
{%- for domain in var('churn_domains') %}
select
    '{{ domain }}' as domain,
    '{{ anchor_table(domain) }}' as anchor_table,
    '{{ domain_setting(domain, 'grid') }}' as grid,
    {{ var('churn_domains')[domain].get('warm_up_days', 0) }} as warm_up_days,
    {{ domain_setting(domain, 'hole_memory_days') }} as hole_memory_days,
    {{ domain_setting(domain, 'settle_days') }} as settle_days
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
