-- Catches a window closed on the wrong side: an event on the cut-off would be 0 days old.
select
    customer_id,
    as_of_date
from {{ ref('kkbox__churn_examples') }}
where
    payment__days_since_last_transaction < 1
    or payment__days_since_last_payment < 1
    or listening__days_since_last < 1
    or listening__active_days_7d > 7
    or listening__active_days_90d > 90
