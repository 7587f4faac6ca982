-- One row per calibration map that was tried, all runs.
with

source as (
    select * from {{ source('ml', 'calibration_choices') }}
),

renamed as (
    select
        run_id,
        domain,
        method,
        fitted_on,
        judged_on,
        log_loss,
        gain_over_none,
        gain_se,
        is_chosen
    from source
)

select * from renamed
