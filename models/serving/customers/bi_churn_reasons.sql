-- One row per domain, customer and reason: drivers of one thing taken together; they add up.
select
    domain,
    customer_id,
    rank,
    driver_group,
    group_title,
    direction,
    strength,
    is_actionable,
    sentence,
    feature,
    contribution_log_odds,
    is_typical
from {{ ref('fct_churn_reasons') }}
