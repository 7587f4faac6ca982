-- One row per domain, protocol, cohort, model and metric: quality over many cohorts, not one month.
with

evaluated as (
    select * from {{ ref('int_churn__evaluations_selected') }}
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
        figures.cut_offs,
        evaluated.evaluated_at,
        evaluated.is_live_model,
        evaluated.label_definition
    from {{ ref('stg_churn__origin_metrics') }} as figures
    inner join evaluated on figures.run_id = evaluated.run_id
)

select * from final
