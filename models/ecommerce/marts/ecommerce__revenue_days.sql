-- One row per customer and day with money: what was bought, less what was given back, in cents.
select
    customer_id,
    booked_on,
    amount_cents
from {{ ref('int_ecommerce__revenue_days_booked') }}
