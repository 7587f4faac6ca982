-- One row per domain, risk band, action, theme, decision and reason. Every scored customer is in
-- exactly one row.
with

actions as (
    select * from {{ ref('fct_churn_actions') }}
),

final as (
    select
        domain,
        as_of_date,
        risk_band,
        coalesce(planned_action, 'none') as action_id,
        coalesce(action_title, 'no action') as action_title,
        coalesce(channel, 'none') as channel,
        coalesce(theme, 'none') as theme,
        decision,
        coalesce(reason, 'none') as reason,
        count(*) as customers,
        cast(coalesce(sum(cast(round(100 * expected_profit) as bigint)), 0) as double) / 100
            as expected_profit,
        cast(coalesce(sum(cast(round(100 * expected_spend) as bigint)), 0) as double) / 100
            as expected_spend,
        cast(coalesce(sum(cast(round(1000000 * expected_churn_averted) as bigint)), 0) as double)
        / 1000000 as expected_customers_kept,
        coalesce(evidence, 'none') as evidence,
        coalesce(evidence_code, 'none') as evidence_code
    from actions
    group by all
)

select * from final
