{{ config(materialized='table') }}
-- One row per customer that may still be chosen and action that may be offered: whom the plan is
-- for, and what it may use. The control group of the period may not be chosen; who was assigned an
-- action is offered no other while it may be offered, at the spend that was planned, which its
-- contact is charged.
with

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

audience as (
    select * from {{ ref('int_churn__plan_audience_selected') }}
),

offered as (
    select valued.*
    from {{ ref('int_churn__actions_valued') }} as valued
    inner join plans on valued.domain = plans.domain
    inner join audience on valued.customer_number = audience.customer_number
    where
        valued.is_offered
        and (plans.actions is null or position('|' || valued.action_id || '|' in plans.actions) > 0)
        and (
            plans.channels is null
            or position('|' || valued.channel || '|' in plans.channels) > 0
        )
),

kept as (
    select * from {{ ref('int_churn__assignments_kept') }}
),

compared as (
    select
        offered.domain,
        offered.customer_number,
        offered.action_id,
        offered.channel,
        offered.profit_cents,
        offered.spend_cents,
        kept.planned_spend_cents,
        coalesce(kept.arm = 'control', false) as is_control,
        coalesce(offered.action_id = kept.action_id, false) as is_assigned,
        max(case when offered.action_id = kept.action_id then 1 else 0 end) over (
            partition by offered.customer_number
        ) = 1 as has_assigned
    from offered
    left join kept on offered.customer_number = kept.customer_number
),

final as (
    select
        domain,
        customer_number,
        action_id,
        channel,
        profit_cents,
        case when is_assigned then coalesce(planned_spend_cents, spend_cents) else spend_cents end
            as spend_cents
    from compared
    where not is_control and (is_assigned or not has_assigned)
)

select * from final
