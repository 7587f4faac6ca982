-- One row per domain and way to choose whom to treat, the plan among them.
select
    domain,
    strategy,
    budget,
    customers,
    expected_spend,
    expected_profit,
    evidence,
    evidence_code
from {{ ref('fct_churn_plan_alternatives') }}
