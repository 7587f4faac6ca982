-- One row per figure of quality of one test cut-off, all runs.
with

source as (
    select * from {{ source('ml', 'day_metrics') }}
),

renamed as (
    select
        run_id,
        domain,
        as_of_date,
        model,
        metric,
        value,
        ci_low,
        ci_high,
        rows,
        label_definition
    from source
)

select * from renamed
