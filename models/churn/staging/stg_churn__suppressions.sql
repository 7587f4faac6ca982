-- One row per domain and customer that no plan may contact.
with

source as (
    select * from {{ source('state', 'suppressions') }}
),

renamed as (
    select
        domain,
        customer_id,
        reason as suppression_reason,
        added_at
    from source
)

select * from renamed
