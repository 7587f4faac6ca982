-- One row per domain, cohort and calibration map: what each would have done.
with

evaluated as (
    select * from {{ ref('int_churn__evaluations_selected') }}
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
        figures.cut_offs,
        evaluated.evaluated_at,
        evaluated.is_live_model,
        evaluated.label_definition
    from {{ ref('stg_churn__origin_calibrations') }} as figures
    inner join evaluated on figures.run_id = evaluated.run_id
)

select * from final
