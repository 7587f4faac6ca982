{{ config(materialized='table') }}
-- One row per campaign and customer whose message uses budget and channel of the period: delivered
-- in it, or still to be sent by a campaign that runs. A message that the CRM reports as a contact
-- is charged as the contact. What a paused campaign has not sent, and what an ended one never will,
-- costs nothing.
with

messages as (
    select * from {{ ref('stg_churn__campaign_messages') }}
),

members as (
    select * from {{ ref('stg_churn__campaign_members') }}
),

campaigns as (
    select * from {{ ref('stg_churn__campaigns') }}
),

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

contacts as (
    select * from {{ ref('stg_churn__contacts') }}
),

of_the_period as (
    select
        messages.domain,
        messages.campaign_id,
        messages.customer_id,
        members.action_id,
        members.channel,
        members.spend_cents as charged_cents,
        campaigns.campaign_name,
        campaigns.as_of_date,
        plans.period_start,
        plans.period_end
    from messages
    inner join campaigns on messages.campaign_id = campaigns.campaign_id
    inner join members
        on
            messages.campaign_id = members.campaign_id
            and messages.customer_id = members.customer_id
    inner join plans on messages.domain = plans.domain
    where
        (messages.message_state = 'pending' and campaigns.campaign_status = 'running')
        or (
            messages.message_state = 'delivered'
            and (
                campaigns.period_start = plans.period_start
                or (
                    cast(messages.ended_at as date) >= plans.period_start
                    and cast(messages.ended_at as date) < plans.period_end
                )
            )
        )
),

-- a contact without an action is taken for the one of the message
reported as (
    select distinct
        of_the_period.campaign_id,
        of_the_period.customer_id
    from of_the_period
    inner join contacts
        on
            of_the_period.domain = contacts.domain
            and of_the_period.customer_id = contacts.customer_id
            and of_the_period.as_of_date <= contacts.contacted_on
            and of_the_period.period_start <= contacts.contacted_on
            and of_the_period.period_end > contacts.contacted_on
            and coalesce(nullif(contacts.action_id, ''), of_the_period.action_id)
            = of_the_period.action_id
),

final as (
    select
        of_the_period.domain,
        of_the_period.campaign_id,
        of_the_period.campaign_name,
        of_the_period.customer_id,
        of_the_period.action_id,
        of_the_period.channel,
        of_the_period.charged_cents
    from of_the_period
    left join reported
        on
            of_the_period.campaign_id = reported.campaign_id
            and of_the_period.customer_id = reported.customer_id
    where reported.customer_id is null
)

select * from final
