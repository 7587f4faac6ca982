-- One row per domain, customer and cut-off: the spine of every domain's examples.
{%- for domain in built_domains() %}
select
    domain,
    customer_id,
    as_of_date,
    due_on,
    label_known_on,
    is_churned,
    customer_value,
    {{ var('churn_domains')[domain].get('already_cancelled') or 'cast(null as boolean)' }}
        as already_cancelled
from {{ ref(domain ~ '__churn_examples') }}
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
