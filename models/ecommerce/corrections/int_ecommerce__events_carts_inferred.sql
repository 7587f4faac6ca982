{{ config(materialized=correction_materialized('ecommerce', 'events_carts_inferred')) }}
-- One row per event, and one cart for each product that was bought in a session without any, while
-- the log of carts was broken and known to be.
with

events as (
    select * from {{ uncorrected('ecommerce', 'events', 'events_carts_inferred') }}
),

broken as (
    select
        known_from,
        ended_on
    from {{ ref('ecommerce_log_changes') }}
    where kind = 'cart_log_broken'
),

counted as (
    select
        *,
        count(*) filter (where event_type = 'cart') over (
            partition by customer_id, session_id, happened_on
        ) as carts
    from events
),

bought as (
    select counted.*
    from counted
    inner join broken
        on
            counted.happened_on >= broken.known_from
            and counted.happened_on < broken.ended_on
    where
        counted.event_type = 'purchase'
        and not counted.is_refund
        and counted.carts = 0
),

inferred as (
    select
        bought.customer_id,
        bought.session_id,
        bought.happened_on,
        bought.happened_at,
        'cart' as event_type,
        bought.product_id,
        bought.department,
        bought.is_category_unknown,
        bought.is_price_zero,
        bought.is_refund,
        true as is_inferred,
        'events_carts_inferred' as correction
    from bought
),

unioned as (
    select
        customer_id,
        session_id,
        happened_on,
        happened_at,
        event_type,
        product_id,
        department,
        is_category_unknown,
        is_price_zero,
        is_refund,
        is_inferred,
        correction
    from events
    union all
    select * from inferred
)

select * from unioned
