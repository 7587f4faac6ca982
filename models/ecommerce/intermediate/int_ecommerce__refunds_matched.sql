-- One row per refund and the order it gives money back for: the customer's latest order up to that
-- day of the same session; of the same product where the refund names no session; any where it
-- names neither. A refund without such an order has no row: it lowers money, and returns nothing.
-- The latest order alone is taken, so that a longer past changes no match.
with

refunds as (
    select * from {{ ref('int_ecommerce__refunds_booked') }}
),

purchases as (
    select distinct
        customer_id,
        ordered_on,
        session_id,
        product_id
    from {{ ref('int_ecommerce__purchases_assigned') }}
    where customer_id in (select refunds.customer_id from refunds)
),

candidates as (
    select distinct
        refunds.customer_id,
        refunds.refunded_on,
        refunds.session_id as refund_session_id,
        refunds.product_id,
        refunds.units,
        refunds.amount_cents,
        refunds.is_priced,
        purchases.ordered_on,
        purchases.session_id
    from refunds
    inner join purchases
        on
            refunds.customer_id = purchases.customer_id
            and refunds.refunded_on >= purchases.ordered_on
            and case
                when refunds.session_id is not null
                    then refunds.session_id = purchases.session_id
                when refunds.product_id is not null
                    then refunds.product_id = purchases.product_id
                else true
            end
),

ranked as (
    select
        *,
        row_number() over (
            partition by customer_id, refunded_on, refund_session_id, product_id
            order by ordered_on desc, session_id desc
        ) as place
    from candidates
),

matched as (
    select
        customer_id,
        ordered_on,
        session_id,
        refunded_on,
        refund_session_id,
        product_id,
        units,
        amount_cents,
        is_priced
    from ranked
    where place = 1
)

select * from matched
