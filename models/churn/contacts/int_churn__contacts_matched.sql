{{ config(materialized='table') }}
-- One row per domain, customer, day and action of a contact and period whose plan drew the customer
-- for it; the period is null where no plan did.
-- A contact without an action is taken for the assigned one, as in the plan's charges.
with

arms as (
    select * from {{ ref('int_churn__arms_spanned') }}
),

-- A message of a campaign is of the period whose arms it took, whenever it arrived.
contacts as (
    select
        domain,
        customer_id,
        contacted_on,
        coalesce(action_id, '') as action_id,
        cast(null as date) as of_period
    from {{ ref('stg_churn__contacts') }}
    union
    select
        messages.domain,
        messages.customer_id,
        cast(messages.ended_at as date) as contacted_on,
        '' as action_id,
        campaigns.period_start as of_period
    from {{ ref('stg_churn__campaign_messages') }} as messages
    inner join {{ ref('stg_churn__campaigns') }} as campaigns
        on messages.campaign_id = campaigns.campaign_id
    where messages.message_state = 'delivered'
),

by_plan as (
    select distinct
        contacts.domain,
        contacts.customer_id,
        contacts.contacted_on,
        contacts.action_id,
        arms.period_start,
        arms.action_id as plan_action_id
    from contacts
    inner join arms
        on
            contacts.domain = arms.domain
            and contacts.customer_id = arms.customer_id
    where
        arms.arm = 'treat'
        and arms.holdout_per_mille > 0
        and contacts.action_id in ('', arms.action_id)
        and (
            contacts.of_period = arms.period_start
            or (
                contacts.of_period is null
                and contacts.contacted_on >= arms.assigned_on
                and contacts.contacted_on < arms.period_end
            )
        )
),

known as (
    select distinct
        domain,
        customer_id,
        contacted_on,
        action_id
    from contacts
),

final as (
    select
        known.domain,
        known.customer_id,
        known.contacted_on,
        known.action_id,
        by_plan.period_start,
        by_plan.plan_action_id
    from known
    left join by_plan
        on
            known.domain = by_plan.domain
            and known.customer_id = by_plan.customer_id
            and known.contacted_on = by_plan.contacted_on
            and known.action_id = by_plan.action_id
)

select * from final
