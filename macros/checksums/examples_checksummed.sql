{#- Rows and additive checksum of a domain's examples, outcome left out, for each cut-off; `only` is
    a scalar SQL expression that names the one cut-off to look at, so that no other is read. -#}
{% macro examples_checksummed(domain, only=none) -%}
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
    from {{ ref(domain ~ '__churn_examples') }}
    {%- if only %}
    where as_of_date = {{ only }}
    {%- endif %}
) as features
group by features.as_of_date
{%- endmacro %}
