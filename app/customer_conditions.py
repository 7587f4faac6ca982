"""The filters of the customer list as SQL: what API and viewer mean by the same name."""

# Filter → condition with one bound value. The columns are those of `bi_customer_360`; tables with
# fewer columns take the conditions that they can answer.
CONDITIONS = {
    "band": "list_contains(?, risk_band)",
    "min_probability": "churn_probability >= ?",
    "max_probability": "churn_probability <= ?",
    "min_value_at_risk": "value_at_risk >= ?",
    "max_value_at_risk": "value_at_risk <= ?",
    "min_customer_value": "customer_value >= ?",
    "due_from": "due_on >= ?",
    "due_to": "due_on <= ?",
    "reason": "contains(lower(concat_ws(' ', top_driver_1, top_driver_2, top_driver_3)), lower(?))",
    "already_cancelled": "coalesce(already_cancelled, false) = ?",
    "at_risk": "is_at_risk = ?",
    "segment": "list_contains(?, ladder_part)",
    "action": "list_contains(?, planned_action)",
    "decision": "decision = ?",
}
