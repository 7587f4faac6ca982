{{ config(materialized='table') }}
-- One row per experiment and customer. An experiment is a campaign, a risk band or an action of it,
-- or what the plans of a quarter did. The outcome is null until it is known.
with

followed as (
    select * from {{ ref('int_churn__campaign_members_followed') }}
),

sliced as (
    select
        *,
        'all' as slice,
        'all' as part
    from followed
    union all
    select
        *,
        'risk_band' as slice,
        risk_band as part
    from followed
    union all
    select
        *,
        'action' as slice,
        action_id as part
    from followed
),

final as (
    select
        'campaign' as kind,
        domain,
        campaign_id as subject,
        slice,
        part,
        domain || '/' || campaign_id || '/' || slice || '/' || part as experiment,
        customer_id,
        arm,
        stratum,
        holdout_per_mille,
        churn_probability,
        1 - cast(is_churned as integer) as outcome,
        revenue_cents as revenue_units,
        is_closed
    from sliced
    union all
    select
        'quarter' as kind,
        domain,
        cast(quarter_start as varchar) as subject,
        'all' as slice,
        'all' as part,
        domain || '/' || quarter_start as experiment,
        -- a customer counts once a period
        customer_id || ' from ' || period_start as customer_id,
        arm,
        stratum,
        holdout_per_mille,
        null as churn_probability,
        1 - cast(is_churned as integer) as outcome,
        revenue_cents as revenue_units,
        true as is_closed
    from {{ ref('int_churn__period_arms_followed') }}
)

select * from final
