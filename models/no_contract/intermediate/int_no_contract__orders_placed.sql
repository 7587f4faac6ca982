{{ config(materialized='table') }}
-- One row per order, the purchases of one id on one day, and the day on which it was fully
-- returned: the first one by which its refunds reach its amount, or its units where a price is
-- missing. Known at a cut-off is what happened before it: the order counts until it is returned.
with

orders as (
    select
        domain,
        customer_id,
        ordered_on,
        order_id,
        min(ordered_at) as ordered_at,
        cast(sum(units) as bigint) as units,
        cast(sum(amount_cents) as bigint) as amount_cents
    from {{ ref('int_no_contract__purchases_assigned') }}
    group by domain, customer_id, ordered_on, order_id
),

refund_days as (
    select
        domain,
        customer_id,
        ordered_on,
        order_id,
        refunded_on,
        sum(units) as units,
        sum(amount_cents) as amount_cents,
        bool_and(is_priced) as is_priced
    from {{ ref('int_no_contract__refunds_matched') }}
    group by domain, customer_id, ordered_on, order_id, refunded_on
),

refunded_so_far as (
    select
        domain,
        customer_id,
        ordered_on,
        order_id,
        refunded_on,
        sum(units) over (
            partition by domain, customer_id, ordered_on, order_id
            order by refunded_on
        ) as units,
        sum(amount_cents) over (
            partition by domain, customer_id, ordered_on, order_id
            order by refunded_on
        ) as amount_cents,
        bool_and(is_priced) over (
            partition by domain, customer_id, ordered_on, order_id
            order by refunded_on
        ) as is_priced
    from refund_days
),

returned as (
    select
        orders.domain,
        orders.customer_id,
        orders.ordered_on,
        orders.order_id,
        min(refunded_so_far.refunded_on) as returned_on
    from orders
    inner join refunded_so_far
        on
            orders.domain = refunded_so_far.domain
            and orders.customer_id = refunded_so_far.customer_id
            and orders.ordered_on = refunded_so_far.ordered_on
            and orders.order_id = refunded_so_far.order_id
    where
        case
            when orders.amount_cents is not null and refunded_so_far.is_priced
                then refunded_so_far.amount_cents >= orders.amount_cents
            else refunded_so_far.units >= orders.units
        end
    group by orders.domain, orders.customer_id, orders.ordered_on, orders.order_id
),

final as (
    select
        orders.*,
        returned.returned_on
    from orders
    left join returned
        on
            orders.domain = returned.domain
            and orders.customer_id = returned.customer_id
            and orders.ordered_on = returned.ordered_on
            and orders.order_id = returned.order_id
)

select * from final
