-- One row per domain whose plan was saved.
with

source as (
    select * from {{ source('state', 'plans') }}
),

renamed as (
    select
        domain,
        budget_cents,
        holdout_per_mille
    from source
)

select * from renamed
