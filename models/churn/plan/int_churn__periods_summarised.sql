-- One row per domain: what its period has used so far of the budget, and the share that it holds
-- out. Messages of campaigns are those that are not charged as a contact.
with

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

charged as (
    select
        domain,
        count(*) as contacts,
        count(*) filter (where is_unknown_action) as contacts_of_unknown_actions,
        sum(charged_cents) as cents
    from {{ ref('int_churn__contacts_charged') }}
    group by all
),

messages as (
    select
        domain,
        count(*) as messages,
        sum(charged_cents) as cents
    from {{ ref('int_churn__messages_charged') }}
    group by all
),

reserved as (
    select
        domain,
        sum(planned_spend_cents) as cents
    from {{ ref('int_churn__controls_reserved') }}
    group by all
),

-- All assignments of one publish have one share and one time.
drawn as (
    select
        assignments.domain,
        max_by(assignments.holdout_per_mille, assignments.assigned_at) as holdout_per_mille
    from {{ ref('stg_churn__assignments') }} as assignments
    inner join plans
        on
            assignments.domain = plans.domain
            and assignments.period_start = plans.period_start
    where assignments.arm <> 'never_treated'
    group by all
),

final as (
    select
        plans.domain,
        coalesce(charged.contacts, 0) as contacts,
        coalesce(charged.contacts_of_unknown_actions, 0) as contacts_of_unknown_actions,
        cast(coalesce(charged.cents, 0) as bigint) as charged_cents,
        coalesce(messages.messages, 0) as campaign_messages,
        cast(coalesce(messages.cents, 0) as bigint) as campaigns_cents,
        cast(coalesce(reserved.cents, 0) as bigint) as reserved_cents,
        drawn.holdout_per_mille as drawn_per_mille
    from plans
    left join charged on plans.domain = charged.domain
    left join messages on plans.domain = messages.domain
    left join reserved on plans.domain = reserved.domain
    left join drawn on plans.domain = drawn.domain
)

select * from final
