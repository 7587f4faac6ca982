{{ config(materialized='table') }}
-- One row per purchase, with the order it belongs to: customer, UTC day and order id. A session may
-- live for weeks, and cut-offs are midnights, so an order never straddles one. A purchase without
-- an id belongs to the day's order, if there is one; those of a day without any are one order. Only
-- days that some cut-off's memory or horizon reaches are read.
with

-- Of any domain: one column spares the reading of files, and a day too many changes nothing.
days as (
    select * from {{ ref('int_no_contract__days_reached') }}
),

assigned as (
    select
        domain,
        customer_id,
        ordered_on,
        coalesce(
            order_id,
            min(order_id) over (partition by domain, customer_id, ordered_on),
            ''
        ) as order_id,
        ordered_at,
        product_id,
        department,
        brand,
        units,
        price_cents,
        amount_cents,
        is_category_unknown,
        is_brand_unknown
    from {{ ref('stg_no_contract__orders') }}
    where
        not is_refund
        and ordered_on in (select days.day from days)
)

select * from assigned
