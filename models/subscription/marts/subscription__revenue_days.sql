-- One row per domain, customer and day with money, in cents.
select
    domain,
    customer_id,
    paid_on as booked_on,
    cast(sum(amount_cents) as bigint) as amount_cents
from {{ ref('stg_subscription__payments') }}
group by domain, customer_id, paid_on
