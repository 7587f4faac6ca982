-- One row per domain, cut-off, label definition and segment: size and churn. Segments are the parts
-- of the domain's ladder, so rows of one cut-off and definition add up to its cohort. Cohorts of
-- cut-offs less than a horizon apart overlap: is_period_start marks one for each month (or week).
-- Labels outlive their cut-off: what is built of it no longer has no segments and is not here.
with

labels as (
    select * from {{ ref('int_churn__labels_unioned') }}
),

cohorts as (
    select * from {{ ref('int_churn__label_cohorts_unioned') }}
),

ladder as (
    select * from {{ ref('int_churn__segments_assigned') }}
    where segment = 'ladder'
),

parts as (
    select * from {{ ref('int_churn__segment_parts_coded') }}
    where segment = 'ladder'
),

cut_offs as (
    select
        cut_offs.domain,
        cut_offs.as_of_date,
        cut_offs.is_on_grid,
        cut_offs.is_on_grid and (
            grids.grid = 'week'
            or cut_offs.as_of_date = min(case when cut_offs.is_on_grid then cut_offs.as_of_date end)
                over (partition by cut_offs.domain, date_trunc('month', cut_offs.as_of_date))
        ) as is_period_start
    from {{ ref('control__cut_offs') }} as cut_offs
    inner join {{ ref('control__grids') }} as grids on cut_offs.domain = grids.domain
),

counted as (
    select
        labels.domain,
        labels.as_of_date,
        labels.label_definition,
        coalesce(ladder.segment_value, 'outside the derived cohort') as ladder_part,
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
),

final as (
    select
        counted.domain,
        counted.as_of_date,
        counted.label_definition,
        counted.ladder_part as segment,
        counted.ladder_part,
        parts.segment_value_code as ladder_part_code,
        counted.customers,
        counted.churners,
        counted.churn_rate,
        counted.is_closed,
        counted.label_known_on,
        cut_offs.is_on_grid,
        cut_offs.is_period_start,
        cohorts.outcomes_in_doubt
    from counted
    inner join cut_offs
        on
            counted.domain = cut_offs.domain
            and counted.as_of_date = cut_offs.as_of_date
    left join cohorts
        on
            counted.domain = cohorts.domain
            and counted.label_definition = cohorts.label_definition
            and counted.as_of_date = cohorts.as_of_date
    left join parts
        on
            counted.domain = parts.domain
            and counted.ladder_part = parts.segment_value
)

select * from final
