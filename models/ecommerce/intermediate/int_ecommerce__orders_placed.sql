{{ config(materialized='table') }}
-- One row per order, the purchases of one session on one day, and the day on which it was fully
-- returned: the first one by which its refunds reach its amount, or its units where a price is
-- missing. Known at a cut-off is what happened before it: the order counts until it is returned.
with

orders as (
    select
        customer_id,
        ordered_on,
        session_id,
        min(happened_at) as ordered_at,
        cast(sum(units) as bigint) as units,
        cast(sum(amount_cents) as bigint) as amount_cents
    from {{ ref('int_ecommerce__purchases_assigned') }}
    group by all
),

refund_days as (
    select
        customer_id,
        ordered_on,
        session_id,
        refunded_on,
        sum(units) as units,
        sum(amount_cents) as amount_cents,
        bool_and(is_priced) as is_priced
    from {{ ref('int_ecommerce__refunds_matched') }}
    group by all
),

refunded_so_far as (
    select
        customer_id,
        ordered_on,
        session_id,
        refunded_on,
        sum(units) over (
            partition by customer_id, ordered_on, session_id
            order by refunded_on
        ) as units,
        sum(amount_cents) over (
            partition by customer_id, ordered_on, session_id
            order by refunded_on
        ) as amount_cents,
        bool_and(is_priced) over (
            partition by customer_id, ordered_on, session_id
            order by refunded_on
        ) as is_priced
    from refund_days
),

returned as (
    select
        orders.customer_id,
        orders.ordered_on,
        orders.session_id,
        min(refunded_so_far.refunded_on) as returned_on
    from orders
    inner join refunded_so_far
        on
            orders.customer_id = refunded_so_far.customer_id
            and orders.ordered_on = refunded_so_far.ordered_on
            and orders.session_id = refunded_so_far.session_id
    where
        case
            when orders.amount_cents is not null and refunded_so_far.is_priced
                then refunded_so_far.amount_cents >= orders.amount_cents
            else refunded_so_far.units >= orders.units
        end
    group by all
),

final as (
    select
        orders.*,
        returned.returned_on
    from orders
    left join returned
        on
            orders.customer_id = returned.customer_id
            and orders.ordered_on = returned.ordered_on
            and orders.session_id = returned.session_id
)

select * from final
