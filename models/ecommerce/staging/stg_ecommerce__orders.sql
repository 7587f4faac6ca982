-- One row per purchase or refund: the shop's lines of orders. There is no order id: an order is the
-- purchases of one session on one day.
select
    customer_id,
    session_id as order_id,
    happened_on as ordered_on,
    happened_at as ordered_at,
    product_id,
    department,
    brand,
    units,
    price_cents,
    amount_cents,
    is_refund,
    is_category_unknown,
    is_brand_unknown
from {{ ref('stg_ecommerce__events') }}
where event_type in ('purchase', 'refund')
