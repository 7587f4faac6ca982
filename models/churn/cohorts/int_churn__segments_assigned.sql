-- One row per domain, customer, cut-off and segment of the domain's entry: which part of it the
-- customer is in. A missing value is a part of its own. The segment `ladder` adds up to the cohort
-- and is everybody's first chart.
{%- for domain, entry in built_domains().items() %}
{%- set domain_loop = loop %}
select
    domain,
    customer_id,
    as_of_date,
    'ladder' as segment,
    case
        {%- for part in entry.ladder %}
        when {{ part.when }} then '{{ part.name }}'
        {%- endfor %}
        else 'not known'
    end as segment_value
from {{ ref(domain ~ '__churn_examples') }}
union all
{%- for segment, rule in entry.segments.items() %}
select
    domain,
    customer_id,
    as_of_date,
    '{{ segment }}' as segment,
    {%- if rule.cuts is defined %}
    case
        when {{ rule.feature }} is null then 'not known'
        {%- for cut in rule.cuts %}
        when {{ rule.feature }} < {{ cut }} then '{{ rule.names[loop.index0] }}'
        {%- endfor %}
        else '{{ rule.names[-1] }}'
    end as segment_value
    {%- else %}
    case
        when {{ rule.feature }} is null then 'not known'
        when {{ rule.feature }} then '{{ rule.yes }}'
        else '{{ rule.no }}'
    end as segment_value
    {%- endif %}
from {{ ref(domain ~ '__churn_examples') }}
{%- if not (loop.last and domain_loop.last) %}
union all
{%- endif %}
{%- endfor %}
{%- endfor %}
