-- One row per campaign and member, as the launch froze them.
with

source as (
    select * from {{ source('state', 'campaign_members') }}
),

renamed as (
    select
        campaign_id,
        domain,
        customer_id,
        arm,
        is_fixed,
        holdout_per_mille,
        action_id,
        channel,
        is_explored,
        action_probability,
        is_cooling,
        risk_band,
        churn_probability,
        customer_value,
        due_on,
        expected_churn_averted,
        spend_cents,
        profit_cents
    from source
)

select * from renamed
