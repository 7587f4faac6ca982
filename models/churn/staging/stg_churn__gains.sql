-- One row per depth of a ranked list, all runs.
with

source as (
    select * from {{ source('ml', 'gains') }}
),

renamed as (
    select
        run_id,
        domain,
        model,
        split,
        as_of_date,
        depth,
        rows,
        churners,
        captured,
        lift
    from source
)

select * from renamed
