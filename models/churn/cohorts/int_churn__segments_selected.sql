-- One row per domain, customer of the scored cohort and way to divide it: which part they are in.
with

scores as (
    select * from {{ ref('fct_churn_scores') }}
    where is_live
),

segments as (
    select * from {{ ref('int_churn__segments_assigned') }}
),

parts as (
    select * from {{ ref('int_churn__segment_parts_coded') }}
),

final as (
    select
        segments.domain,
        segments.customer_id,
        segments.as_of_date,
        segments.segment,
        segments.segment_value,
        parts.segment_value_code
    from segments
    inner join scores
        on
            segments.domain = scores.domain
            and segments.customer_id = scores.customer_id
            and segments.as_of_date = scores.as_of_date
    left join parts
        on
            segments.domain = parts.domain
            and segments.segment = parts.segment
            and segments.segment_value = parts.segment_value
)

select * from final
