-- One row per evaluated run, cohort and calibration map, all runs.
with

source as (
    select * from {{ source('ml', 'origin_calibrations') }}
),

renamed as (
    select
        run_id,
        domain,
        as_of_date,
        coalesce(last_as_of_date, as_of_date) as last_as_of_date,
        coalesce(cut_offs, 1) as cut_offs,
        method,
        log_loss,
        gain_over_none,
        gain_se,
        is_chosen
    from source
)

select * from renamed
