-- One row per domain: the run whose model scores.
with

source as (
    select * from {{ source('ml', 'live_runs') }}
),

renamed as (
    select
        domain,
        run_id,
        decided_at
    from source
)

select * from renamed
