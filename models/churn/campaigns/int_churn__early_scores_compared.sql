{{ config(materialized='table') }}
-- One row per launched campaign and member, once a cut-off was published 30 days after the launch
-- or later: the score that the launch froze, which was of the last cut-off before it, and that of
-- the first such cut-off. It is null for members who were not scored then.
with

followed as (
    select * from {{ ref('int_churn__campaign_members_followed') }}
),

campaigns as (
    select
        campaign_id,
        domain,
        cast(launched_at as date) as launched_on
    from {{ ref('stg_churn__campaigns') }}
),

published as (
    select * from {{ ref('int_churn__published_scorings_selected') }}
),

days as (
    select
        campaigns.campaign_id,
        campaigns.domain,
        campaigns.launched_on,
        min(published.as_of_date) as early_on
    from campaigns
    inner join published
        on
            campaigns.domain = published.domain
            and {{ add_days('campaigns.launched_on', 30) }} <= published.as_of_date
    group by all
),

-- a cut-off that was scored again counts as it was scored last
runs as (
    select
        days.campaign_id,
        days.early_on,
        max_by(published.run_id, (published.scored_at, published.run_id)) as run_id
    from days
    inner join published
        on
            days.domain = published.domain
            and days.early_on = published.as_of_date
    group by all
),

scores as (
    select
        run_id,
        as_of_date,
        customer_id,
        churn_probability
    from {{ ref('fct_churn_scores') }}
),

final as (
    select
        followed.campaign_id,
        followed.domain,
        followed.customer_id,
        followed.arm,
        followed.stratum,
        days.launched_on,
        days.early_on,
        followed.churn_probability as score_before,
        scores.churn_probability as score_after,
        -- millionths: sums are the same every time
        cast(round(1000000 * (scores.churn_probability - followed.churn_probability)) as bigint)
            as change_units
    from followed
    inner join days on followed.campaign_id = days.campaign_id
    inner join runs on followed.campaign_id = runs.campaign_id
    left join scores
        on
            runs.run_id = scores.run_id
            and runs.early_on = scores.as_of_date
            and followed.customer_id = scores.customer_id
)

select * from final
