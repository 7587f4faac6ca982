-- One row per campaign and customer with a message: the state that its last replay is in.
with

source as (
    select * from {{ source('state', 'campaign_messages') }}
),

renamed as (
    select
        campaign_id,
        domain,
        customer_id,
        state as message_state,
        attempts,
        ended_at
    from source
)

select * from renamed
