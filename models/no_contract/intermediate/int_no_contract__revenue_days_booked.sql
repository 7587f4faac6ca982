-- One row per customer and day with money: what was bought, less what was given back, each on its
-- own day, in cents; null where nothing has a price.
with

booked as (
    select
        domain,
        customer_id,
        ordered_on as booked_on,
        amount_cents
    from {{ ref('int_no_contract__orders_placed') }}
    union all
    select
        domain,
        customer_id,
        refunded_on as booked_on,
        -amount_cents as amount_cents
    from {{ ref('int_no_contract__refunds_booked') }}
),

final as (
    select
        domain,
        customer_id,
        booked_on,
        cast(sum(amount_cents) as bigint) as amount_cents
    from booked
    group by domain, customer_id, booked_on
)

select * from final
