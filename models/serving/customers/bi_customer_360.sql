-- One row per domain and customer of the scored cohort: risk, reasons, value, action, part of the
-- cohort, lately against before, all in one place.
with

risk as (
    select * from {{ ref('bi_churn_risk') }}
),

scores as (
    select * from {{ ref('fct_churn_scores') }}
    where is_live
),

orders as (
    select * from {{ ref('int_churn__orders_expected') }}
),

actions as (
    select * from {{ ref('bi_churn_actions') }}
),

segments as (
    select * from {{ ref('bi_customer_segments') }}
),

activity as (
    select * from {{ ref('int_churn__recent_activity_summarised') }}
),

lowering as (
    select * from {{ ref('int_churn__lowering_reasons_picked') }}
),

earlier as (
    select * from {{ ref('int_churn__previous_scores_picked') }}
),

changes as (
    select * from {{ ref('int_churn__changes_explained') }}
),

parts as (
    select
        domain,
        customer_id,
        max(case when segment = 'ladder' then segment_value end) as ladder_part,
        max(case when segment = 'ladder' then segment_value_code end) as ladder_part_code
    from segments
    group by all
),

final as (
    select
        risk.domain,
        risk.customer_id,
        risk.as_of_date,

        -- risk
        risk.due_on,
        risk.churn_probability,
        risk.risk_band,
        risk.risk_rank,
        risk.already_cancelled,
        risk.is_at_risk,
        earlier.as_of_date as previous_as_of_date,
        earlier.churn_probability as previous_probability,
        earlier.risk_band as previous_risk_band,

        -- reasons
        risk.top_driver_1,
        risk.top_driver_2,
        risk.top_driver_3,
        lowering.sentence as top_driver_against,

        -- value
        risk.customer_value,
        risk.leaving_cost,
        risk.leaving_cost_days,
        risk.value_at_risk,

        -- action
        actions.decision,
        actions.reason_words,
        actions.planned_action,
        actions.action_title,
        actions.channel,
        actions.expected_profit,
        actions.arm,
        actions.is_held_out,
        actions.is_suppressed,

        -- who they are and what they did
        parts.ladder_part as segment,
        parts.ladder_part,
        parts.ladder_part_code,
        activity.active_days_4w,
        activity.active_days_4w_before,

        -- lineage
        risk.label_definition,
        risk.run_id,
        risk.scored_at,

        -- later additions
        risk.summary,
        case when actions.decision = 'treat' then actions.expected_profit end as profit_to_contact,
        orders.days_between_orders,
        orders.expected_next_order_on,
        case when orders.customer_id is not null then scores.expected_revenue end
            as predicted_value,
        case when orders.customer_id is not null then scores.leaving_cost_days end
            as predicted_value_days,
        changes.changed_group,
        changes.changed_group_title,
        changes.not_explained_because as change_not_explained_because
    from risk
    inner join scores
        on
            risk.domain = scores.domain
            and risk.customer_id = scores.customer_id
    left join orders
        on
            risk.domain = orders.domain
            and risk.customer_id = orders.customer_id
    left join actions
        on
            risk.domain = actions.domain
            and risk.customer_id = actions.customer_id
    left join lowering
        on
            risk.domain = lowering.domain
            and risk.customer_id = lowering.customer_id
    left join parts
        on
            risk.domain = parts.domain
            and risk.customer_id = parts.customer_id
    left join activity
        on
            risk.domain = activity.domain
            and risk.customer_id = activity.customer_id
    left join earlier
        on
            risk.domain = earlier.domain
            and risk.customer_id = earlier.customer_id
    left join changes
        on
            risk.domain = changes.domain
            and risk.customer_id = changes.customer_id
)

select * from final
