-- One row per domain, split and reason of the live runs: the examples that contacts leave out of
-- what is learned and judged, or make count more.
with

live as (
    select run_id from {{ ref('int_churn__live_runs_selected') }}
),

final as (
    select
        counted.domain,
        counted.run_id,
        counted.split,
        counted.reason,
        counted.reason in ('treated_by_plan', 'outside_plan') as is_left_out,
        counted.rows,
        counted.churners,
        counted.stand_for,
        counted.examples
    from {{ ref('stg_churn__contacted_examples') }} as counted
    inner join live on counted.run_id = live.run_id
)

select * from final
