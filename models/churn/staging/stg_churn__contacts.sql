-- One row per domain, customer, day and action of a contact that was made.
with

source as (
    select * from {{ source('state', 'contacts') }}
),

renamed as (
    select
        domain,
        customer_id,
        contacted_on,
        action_id
    from source
)

select * from renamed
