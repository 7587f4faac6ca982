-- Catches a breakdown that loses or doubles customers: the segments of a cut-off and definition
-- must add up to its labels. Those of a cut-off that is built no longer have no segments.
with

segments as (
    select
        domain,
        label_definition,
        as_of_date,
        sum(customers) as customers
    from {{ ref('bi_churn_cohorts') }}
    group by all
),

labels as (
    select
        domain,
        label_definition,
        as_of_date,
        count(*) as customers
    from {{ ref('int_churn__labels_unioned') }}
    where (domain, as_of_date) in (
        select
            cut_offs.domain,
            cut_offs.as_of_date
        from {{ ref('control__cut_offs') }} as cut_offs
    )
    group by all
)

select
    labels.domain,
    labels.label_definition,
    labels.as_of_date,
    labels.customers,
    segments.customers as customers_in_segments
from labels
left join segments
    on
        labels.domain = segments.domain
        and labels.label_definition = segments.label_definition
        and labels.as_of_date = segments.as_of_date
where segments.customers is distinct from labels.customers
