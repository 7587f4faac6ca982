-- One row per domain, customer and day with money, in cents.
select
    domain,
    customer_id,
    booked_on,
    amount_cents
from {{ ref('no_contract__revenue_days') }}
union all
select
    domain,
    customer_id,
    booked_on,
    amount_cents
from {{ ref('subscription__revenue_days') }}
