-- One row per domain, customer and day with money: what was bought, less what was given back, in
-- cents.
select
    domain,
    customer_id,
    booked_on,
    amount_cents
from {{ ref('int_no_contract__revenue_days_booked') }}
