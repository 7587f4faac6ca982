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
        coalesce(last_as_of_date, as_of_date) as last_as_of_date,
        coalesce(cut_offs, 1) as cut_offs,
        bin,
        rows,
        mean_probability,
        observed_rate
    from source
)

select * from renamed
