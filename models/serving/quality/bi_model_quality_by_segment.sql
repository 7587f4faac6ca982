-- One row per domain, model, split, segment, value and metric of the live runs: breakdowns, each
-- segment by itself.
with

live as (
    select run_id from {{ ref('int_churn__live_runs_selected') }}
),

parts as (
    select * from {{ ref('int_churn__segment_parts_coded') }}
),

final as (
    select
        figures.domain,
        figures.run_id,
        figures.model,
        figures.split,
        figures.segment,
        figures.segment_value,
        parts.segment_value_code,
        figures.metric,
        figures.value,
        figures.ci_low,
        figures.ci_high,
        figures.rows,
        figures.as_of_date,
        figures.label_definition,
        figures.last_as_of_date,
        figures.cut_offs
    from {{ ref('stg_churn__segment_metrics') }} as figures
    inner join live on figures.run_id = live.run_id
    left join parts
        on
            figures.domain = parts.domain
            and figures.segment = parts.segment
            and figures.segment_value = parts.segment_value
)

select * from final
