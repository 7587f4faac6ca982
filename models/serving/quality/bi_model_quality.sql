-- One row per domain, model, split and metric of the live runs, always beside the baselines.
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
        figures.metric,
        figures.value,
        figures.ci_low,
        figures.ci_high,
        figures.rows,
        figures.as_of_date,
        figures.label_definition,
        figures.last_as_of_date,
        figures.cut_offs
    from {{ ref('stg_churn__metrics') }} as figures
    inner join live on figures.run_id = live.run_id
)

select * from final
