-- One row per domain, customer of the scored cohort and week before the cut-off: what they did.
select
    domain,
    customer_id,
    as_of_date,
    weeks_before,
    week_starts_on,
    active_days,
    usage_amount,
    transactions,
    transaction_amount
from {{ ref('int_churn__activity_weeks_unioned') }}
