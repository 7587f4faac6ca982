-- One row per domain, model, split and depth of the live runs: what the top of the list catches.
with

live as (
    select run_id from {{ ref('int_churn__live_runs_selected') }}
),

final as (
    select
        figures.domain,
        figures.run_id,
        figures.model,
        figures.split,
        figures.as_of_date,
        figures.depth,
        figures.rows,
        figures.churners,
        figures.captured,
        figures.lift,
        figures.last_as_of_date,
        figures.cut_offs
    from {{ ref('stg_churn__gains') }} as figures
    inner join live on figures.run_id = live.run_id
)

select * from final
