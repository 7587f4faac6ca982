-- One row per event, as the files have it: where the corrections begin.
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
    false as is_inferred,
    cast(null as string) as correction
from {{ ref('stg_ecommerce__events') }}
