{{ config(materialized='table') }}
-- One row per customer, day, order id and product that money was given back for: the units and the
-- cents. Only days that some cut-off's memory or horizon reaches are read.
with

-- Of any domain: one column spares the reading of files, and a day too many changes nothing.
days as (
    select * from {{ ref('int_no_contract__days_reached') }}
),

booked as (
    select
        domain,
        customer_id,
        ordered_on as refunded_on,
        order_id,
        product_id,
        cast(sum(units) as bigint) as units,
        cast(sum(amount_cents) as bigint) as amount_cents,
        count(amount_cents) = count(*) as is_priced
    from {{ ref('stg_no_contract__orders') }}
    where
        is_refund
        and ordered_on in (select days.day from days)
    group by domain, customer_id, ordered_on, order_id, product_id
)

select * from booked
