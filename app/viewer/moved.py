"""Who counts as moved into or out of risk, by their names: for the pages and the digest."""

# Direction of a move → what it is called.
DIRECTIONS = {
    "into": "Moved into risk",
    "out": "Moved out of risk",
    "new": "New at risk",
    "left_list": "No longer scored",
}
# $1 is the domain.
MOVED = """
    select
        moves.customer_id,
        moves.direction as direction_code,
        moves.previous_probability,
        moves.previous_risk_band,
        moves.churn_probability,
        moves.risk_band,
        moves.changed_group_title as what_changed,
        now.top_driver_1 as main_reason,
        moves.value_at_risk,
        moves.previous_run_id = moves.run_id as is_same_model
    from bi_churn_moves as moves
    left join bi_customer_360 as now
        on moves.domain = now.domain and moves.customer_id = now.customer_id
    where
        moves.domain = $1
        and (
            moves.direction in ('into', 'out')
            or (moves.direction = 'new' and moves.is_at_risk)
            or (moves.direction = 'left_list' and moves.was_at_risk)
        )
"""
COUNTED = f"""
    select
        direction_code,
        count(*) as customers,
        coalesce(sum(value_at_risk), 0) as value
    from ({MOVED}) group by direction_code
"""
# $1 is the domain, $2 the cut-off: the one that was published before it.
BEFORE = """
    select max(as_of_date) as since, max_by(run_id, as_of_date) as run_id
    from bi_churn_history where domain = ? and as_of_date < ?
"""
# $1 is the domain: what is at risk now.
AT_RISK = """
    select
        count(*) as customers,
        count(*) filter (where is_at_risk) as at_risk,
        sum(value_at_risk) filter (where is_at_risk) as value_at_risk,
        max(leaving_cost_days) as leaving_cost_days,
        count(*) filter (where already_cancelled) as cancelled
    from bi_customer_360 where domain = ?
"""
# $1 is the domain: whom the plan contacts, by action.
PLANNED = """
    select action_title, sum(customers) as customers
    from bi_retention_plan
    where domain = ? and decision = 'treat'
    group by all order by customers desc, action_title
"""
