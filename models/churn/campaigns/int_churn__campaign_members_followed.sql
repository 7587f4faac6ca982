{{ config(materialized='table') }}
-- One row per launched campaign and member: the arm, and what happened from the cut-off of the
-- campaign's scores on. The outcome is null until the member's day of knowledge has passed. What
-- was paid before is of the 90 days before the cut-off.
with

campaigns as (
    select * from {{ ref('stg_churn__campaigns') }}
),

runs as (
    select * from {{ ref('stg_churn__runs') }}
),

labels as (
    select * from {{ ref('int_churn__labels_unioned') }}
),

revenue_days as (
    select * from {{ ref('int_churn__revenue_days_unioned') }}
),

messages as (
    select * from {{ ref('stg_churn__campaign_messages') }}
),

members as (
    select
        members.*,
        campaigns.as_of_date,
        labels.label_known_on,
        labels.is_churned
    from {{ ref('stg_churn__campaign_members') }} as members
    inner join campaigns on members.campaign_id = campaigns.campaign_id
    inner join runs on campaigns.run_id = runs.run_id
    left join labels
        on
            members.domain = labels.domain
            and members.customer_id = labels.customer_id
            and campaigns.as_of_date = labels.as_of_date
            and runs.label_definition = labels.label_definition
),

closing as (
    select
        campaign_id,
        max(label_known_on) as closes_on,
        min(case when is_churned is null then 0 else 1 end) = 1 as is_closed
    from members
    group by campaign_id
),

-- both arms over the same days
paid as (
    select
        members.campaign_id,
        members.customer_id,
        cast(sum(
            case
                when members.as_of_date <= revenue_days.booked_on
                    then revenue_days.amount_cents
            end
        ) as bigint) as revenue_cents,
        cast(sum(
            case
                when members.as_of_date > revenue_days.booked_on
                    then revenue_days.amount_cents
            end
        ) as bigint) as revenue_before_cents
    from members
    inner join closing on members.campaign_id = closing.campaign_id
    inner join revenue_days
        on
            members.domain = revenue_days.domain
            and members.customer_id = revenue_days.customer_id
            and {{ add_days('members.as_of_date', -90) }} <= revenue_days.booked_on
            and closing.closes_on > revenue_days.booked_on
    group by all
),

final as (
    select
        members.campaign_id,
        members.domain,
        members.customer_id,
        members.as_of_date,
        members.arm,
        -- customers drawn with the same probability
        'held out ' || members.holdout_per_mille
        || case when members.is_fixed then ', by the period' else ', by the campaign' end
            as stratum,
        members.holdout_per_mille,
        members.action_id,
        members.channel,
        members.risk_band,
        members.churn_probability,
        members.customer_value,
        members.expected_churn_averted,
        members.spend_cents,
        members.profit_cents,
        members.is_cooling,
        messages.message_state,
        coalesce(messages.message_state = 'delivered', false) as is_delivered,
        closing.closes_on,
        closing.is_closed,
        members.is_churned,
        coalesce(paid.revenue_cents, 0) as revenue_cents,
        coalesce(paid.revenue_before_cents, 0) as revenue_before_cents
    from members
    inner join closing on members.campaign_id = closing.campaign_id
    left join paid
        on
            members.campaign_id = paid.campaign_id
            and members.customer_id = paid.customer_id
    left join messages
        on
            members.campaign_id = messages.campaign_id
            and members.customer_id = messages.customer_id
)

select * from final
