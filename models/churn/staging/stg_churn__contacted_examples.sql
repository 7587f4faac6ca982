-- One row per run, split and reason of examples that contacts concern, all runs.
with

source as (
    select * from {{ source('ml', 'contacted_examples') }}
),

renamed as (
    select
        run_id,
        domain,
        split,
        reason,
        rows,
        churners,
        stand_for,
        examples
    from source
)

select * from renamed
