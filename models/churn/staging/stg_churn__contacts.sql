-- One row per domain, customer, day and action of a contact that was made, under this id or under
-- another id of the same customer.
with

source as (
    select
        domain,
        customer_id,
        contacted_on,
        action_id
    from {{ source('state', 'contacts') }}
),

of_every_id as (
    {{ for_every_id('source', ['contacted_on', 'action_id']) }}
),

final as (
    select distinct
        domain,
        customer_id,
        contacted_on,
        action_id
    from of_every_id
)

select * from final
