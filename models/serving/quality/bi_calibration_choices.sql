-- One row per domain, cohort and calibration map: what each would have done.
with

live as (
    select run_id from {{ ref('int_churn__live_runs_selected') }}
),

final as (
    select
        figures.domain,
        figures.run_id,
        figures.as_of_date,
        figures.method,
        figures.log_loss,
        figures.gain_over_none,
        figures.gain_se,
        figures.is_chosen,
        figures.last_as_of_date,
        figures.cut_offs
    from {{ ref('stg_churn__origin_calibrations') }} as figures
    inner join live on figures.run_id = live.run_id
)

select * from final
