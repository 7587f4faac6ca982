-- One row per domain and cut-off: a checksum over whole rows of examples, outcome left out, so that
-- scores can be tied to the rows they were made from.
{%- for domain in var('churn_domains') %}
{%- set examples = ref(domain ~ '__churn_examples') %}
select
    '{{ domain }}' as domain,
    features.as_of_date,
    count(*) as example_rows,
    {{ row_checksum(['features']) }} as feature_checksum
from (
    select
        customer_id,
        as_of_date,
        {{ feature_names(domain) | join(',\n        ') }}
    from {{ examples }}
) as features
group by features.as_of_date
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
