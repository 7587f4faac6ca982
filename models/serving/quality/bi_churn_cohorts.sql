-- One row per domain, cut-off, label definition and segment: size and churn. Segments are the parts
-- of the domain's ladder, so rows of one cut-off and definition add up to its cohort.
with

labels as (
    select * from {{ ref('int_churn__labels_unioned') }}
),

ladder as (
    select * from {{ ref('int_churn__segments_assigned') }}
    where segment = 'ladder'
),

final as (
    select
        labels.domain,
        labels.as_of_date,
        labels.label_definition,
        coalesce(ladder.segment_value, 'outside the derived cohort') as segment,
        count(*) as customers,
        case when count(labels.is_churned) > 0 then count(*) filter (where labels.is_churned) end
            as churners,
        {{ exact_ratio(
            'count(*) filter (where labels.is_churned)', 'count(labels.is_churned)'
        ) }} as churn_rate,
        count(labels.is_churned) > 0 as is_closed,
        max(labels.label_known_on) as label_known_on
    from labels
    left join ladder
        on
            labels.domain = ladder.domain
            and labels.customer_id = ladder.customer_id
            and labels.as_of_date = ladder.as_of_date
    group by all
)

select * from final
