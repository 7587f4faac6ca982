-- One row per transaction that pays. A cancellation repeats the price of what it cancels and is no
-- payment.
select
    customer_id,
    transacted_on as paid_on,
    100 * amount_paid as amount_cents
from {{ ref('stg_kkbox__transactions') }}
where not is_cancel
