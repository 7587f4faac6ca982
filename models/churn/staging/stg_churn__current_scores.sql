-- One row per domain and choice of the scores that are published.
with

source as (
    select * from {{ source('ml', 'current_scores') }}
),

renamed as (
    select
        domain,
        choice,
        chosen_at,
        run_id,
        as_of_date,
        reason
    from source
)

select * from renamed
