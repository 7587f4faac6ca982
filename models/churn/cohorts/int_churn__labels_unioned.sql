-- One row per domain, label definition, customer and cut-off: the labels of every domain.
{%- for domain in built_domains() %}
select
    '{{ domain }}' as domain,
    customer_id,
    as_of_date,
    label_definition,
    label_known_on,
    is_churned
from {{ ref(domain ~ '__labels') }}
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
