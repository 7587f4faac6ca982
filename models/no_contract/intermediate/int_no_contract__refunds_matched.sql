-- One row per refund and the order it gives money back for: the customer's latest order up to that
-- day of the same id; of the same product where the refund names no id; any where it names neither.
-- A refund without such an order has no row: it lowers money, and returns nothing. The latest order
-- alone is taken, so that a longer past changes no match.
with

refunds as (
    select * from {{ ref('int_no_contract__refunds_booked') }}
),

purchases as (
    select distinct
        domain,
        customer_id,
        ordered_on,
        order_id,
        product_id
    from {{ ref('int_no_contract__purchases_assigned') }}
    where
        (domain, customer_id) in (
            select
                refunds.domain,
                refunds.customer_id
            from refunds
        )
),

candidates as (
    select distinct
        refunds.domain,
        refunds.customer_id,
        refunds.refunded_on,
        refunds.order_id as refund_order_id,
        refunds.product_id,
        refunds.units,
        refunds.amount_cents,
        refunds.is_priced,
        purchases.ordered_on,
        purchases.order_id
    from refunds
    inner join purchases
        on
            refunds.domain = purchases.domain
            and refunds.customer_id = purchases.customer_id
            and refunds.refunded_on >= purchases.ordered_on
            and case
                when refunds.order_id is not null
                    then refunds.order_id = purchases.order_id
                when refunds.product_id is not null
                    then refunds.product_id = purchases.product_id
                else true
            end
),

ranked as (
    select
        *,
        row_number() over (
            partition by domain, customer_id, refunded_on, refund_order_id, product_id
            order by ordered_on desc, order_id desc
        ) as place
    from candidates
),

matched as (
    select
        domain,
        customer_id,
        ordered_on,
        order_id,
        refunded_on,
        refund_order_id,
        product_id,
        units,
        amount_cents,
        is_priced
    from ranked
    where place = 1
)

select * from matched
