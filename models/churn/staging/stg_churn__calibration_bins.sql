-- One row per bin of a reliability curve, all runs.
with

source as (
    select * from {{ source('ml', 'calibration_bins') }}
),

renamed as (
    select
        run_id,
        domain,
        split,
        as_of_date,
        bin,
        rows,
        mean_probability,
        observed_rate
    from source
)

select * from renamed
