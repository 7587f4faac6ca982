-- One row per domain, customer and day with money, in cents.
{%- for domain in built_domains() %}
select
    '{{ domain }}' as domain,
    customer_id,
    booked_on,
    amount_cents
from {{ ref(domain ~ '__revenue_days') }}
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
