-- One row per domain, label definition and cut-off: the cohorts of every domain.
{%- for domain in built_domains() %}
select
    '{{ domain }}' as domain,
    label_definition,
    as_of_date,
    outcomes_in_doubt
from {{ ref(domain ~ '__label_cohorts') }}
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
