-- One row per domain, run, cut-off and customer: every score ever made and what happened.
select
    domain,
    customer_id,
    as_of_date,
    run_id,
    churn_probability,
    risk_band,
    label_definition,
    label_known_on,
    is_churned,
    scored_at
from {{ ref('fct_churn_scores') }}
