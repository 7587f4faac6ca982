-- One row per domain: how its cut-offs are laid.
{%- for domain in var('churn_domains') %}
select
    '{{ domain }}' as domain,
    '{{ anchor_table(domain) }}' as anchor_table,
    '{{ domain_setting(domain, 'grid') }}' as grid,
    {%- set grid_days = var('churn_domains')[domain].get('grid_days', [1]) %}
    {%- for place in range(4) %}
    cast({{ grid_days[place] if place < grid_days | length else 'null' }} as integer)
        as grid_day_{{ place + 1 }},
    {%- endfor %}
    {{ var('churn_domains')[domain].get('warm_up_days', 0) }} as warm_up_days,
    {{ domain_setting(domain, 'hole_memory_days') }} as hole_memory_days,
    {{ domain_setting(domain, 'settle_days') }} as settle_days
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
