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
        coalesce(last_as_of_date, as_of_date) as last_as_of_date,
        coalesce(cut_offs, 1) as cut_offs,
        label_definition
    from source
)

select * from renamed
