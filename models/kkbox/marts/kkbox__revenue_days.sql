-- One row per member and day with money: what was paid, in cents. A cancellation repeats the price
-- of what it cancels and is no payment.
with

transactions as (
    select * from {{ ref('stg_kkbox__transactions') }}
    where not is_cancel
),

final as (
    select
        customer_id,
        transacted_on as booked_on,
        cast(100 * sum(amount_paid) as bigint) as amount_cents
    from transactions
    group by all
)

select * from final
