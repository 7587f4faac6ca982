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
        method,
        log_loss,
        gain_over_none,
        gain_se,
        is_chosen
    from source
)

select * from renamed
