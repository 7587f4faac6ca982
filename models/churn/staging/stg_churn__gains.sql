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
        coalesce(last_as_of_date, as_of_date) as last_as_of_date,
        coalesce(cut_offs, 1) as cut_offs,
        depth,
        rows,
        churners,
        captured,
        lift
    from source
)

select * from renamed
