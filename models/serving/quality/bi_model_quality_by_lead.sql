-- One row per domain, lead, population, model and metric: what earliness costs.
with

live as (
    select run_id from {{ ref('int_churn__live_runs_selected') }}
),

final as (
    select
        figures.domain,
        figures.run_id,
        figures.as_of_date,
        figures.lead_days,
        figures.known_at,
        figures.population,
        figures.model,
        figures.metric,
        figures.value,
        figures.ci_low,
        figures.ci_high,
        figures.rows
    from {{ ref('stg_churn__lead_metrics') }} as figures
    inner join live on figures.run_id = live.run_id
)

select * from final
