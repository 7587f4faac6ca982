-- One row per domain: the plan's budget, what it buys, how good it is, and what can be measured.
select
    domain,
    budget_cents / 100.0 as budget,
    customers,
    spend_cents / 100.0 as expected_spend,
    profit_cents / 100.0 as expected_profit,
    marginal_profit,
    step_not_fitting_cents / 100.0 as step_not_fitting,
    has_capacities,
    bound_cents / 100.0 as profit_bound,
    (bound_cents - profit_cents) / 100.0 as gap_to_bound,
    churn_without,
    effect as expected_effect,
    holdout_per_mille / 1000.0 as holdout_share,
    is_holdout_automatic,
    can_be_measured,
    customers_needed_at_10,
    customers_needed_at_50,
    campaigns_needed_at_10,
    campaigns_needed_at_50,
    evidence,
    evidence_code
from {{ ref('int_churn__plans_summarised') }}
