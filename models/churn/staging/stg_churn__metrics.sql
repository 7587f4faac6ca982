-- One row per figure of quality, all runs.
with

source as (
    select * from {{ source('ml', 'metrics') }}
),

renamed as (
    select
        run_id,
        domain,
        model,
        split,
        metric,
        value,
        ci_low,
        ci_high,
        rows,
        as_of_date,
        label_definition
    from source
)

select * from renamed
