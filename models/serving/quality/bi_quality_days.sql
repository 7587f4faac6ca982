-- One row per domain and day of the month: the test cohort that says how good scores made on that
-- day are, and whether any was near enough to say it.
select
    domain,
    run_id,
    day_of_month,
    test_as_of_date,
    days_apart,
    is_measured
from {{ ref('int_churn__test_days_picked') }}
