-- One row per domain and customer that no plan may contact: suppressed under this id or under
-- another id of the same customer. The id's own suppression counts before another's, the oldest of
-- those first.
with

source as (
    select
        domain,
        customer_id,
        reason as suppression_reason,
        added_at
    from {{ source('state', 'suppressions') }}
),

of_every_id as (
    {{ for_every_id('source', ['suppression_reason', 'added_at']) }}
),

ranked as (
    select
        domain,
        customer_id,
        suppression_reason,
        added_at,
        row_number() over (
            partition by domain, customer_id
            order by is_own desc, added_at asc, suppression_reason asc
        ) as place
    from of_every_id
),

final as (
    select
        domain,
        customer_id,
        suppression_reason,
        added_at
    from ranked
    where place = 1
)

select * from final
