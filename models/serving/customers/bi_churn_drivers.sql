-- One row per domain, customer and driver: the ten largest and the rest as one row, so that they
-- add up.
select
    domain,
    customer_id,
    rank,
    feature,
    theme,
    direction,
    strength,
    sentence,
    value,
    usual_value,
    contribution_log_odds,
    driver_group
from {{ ref('fct_churn_drivers') }}
