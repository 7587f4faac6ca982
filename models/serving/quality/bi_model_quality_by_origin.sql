-- One row per domain, protocol, cohort, model and metric: quality over many cohorts, not one month.
with

live as (
    select run_id from {{ ref('int_churn__live_runs_selected') }}
),

final as (
    select
        figures.domain,
        figures.run_id,
        figures.protocol,
        case figures.protocol
            when 'rolling origins' then 'rolling_origins'
            else figures.protocol
        end as protocol_code,
        figures.as_of_date,
        figures.trained_cohorts,
        figures.model,
        figures.metric,
        figures.value,
        figures.ci_low,
        figures.ci_high,
        figures.rows,
        figures.last_as_of_date,
        figures.cut_offs
    from {{ ref('stg_churn__origin_metrics') }} as figures
    inner join live on figures.run_id = live.run_id
)

select * from final
