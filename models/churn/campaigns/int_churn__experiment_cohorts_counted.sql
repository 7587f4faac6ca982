{{ config(materialized='table') }}
-- One row per launched campaign, and per quarter whose plans are measured: how many customers were
-- scored where the contacted were chosen. Of a quarter a customer counts once a period, on the
-- cut-offs from which arms were drawn whose outcomes are known. Of scores that are kept no longer,
-- what was published says who was scored.
with

kept as (
    select
        run_id,
        as_of_date,
        domain,
        customer_id
    from {{ ref('fct_churn_scores') }}
),

kept_days as (
    select distinct
        run_id,
        as_of_date
    from kept
),

scores as (
    select * from kept
    union all
    select
        published.run_id,
        published.as_of_date,
        published.domain,
        published.customer_id
    from {{ ref('stg_churn__published_customers') }} as published
    left join kept_days
        on
            published.run_id = kept_days.run_id
            and published.as_of_date = kept_days.as_of_date
    where kept_days.run_id is null
),

campaigns as (
    select
        'campaign' as kind,
        campaigns.domain,
        campaigns.campaign_id as subject,
        count(distinct scores.customer_id) as customers_scored
    from {{ ref('stg_churn__campaigns') }} as campaigns
    inner join scores
        on
            campaigns.run_id = scores.run_id
            and campaigns.as_of_date = scores.as_of_date
    group by all
),

draws as (
    select distinct
        domain,
        quarter_start,
        period_start,
        run_id,
        as_of_date
    from {{ ref('int_churn__period_arms_followed') }}
),

periods as (
    select
        draws.domain,
        draws.quarter_start,
        draws.period_start,
        count(distinct scores.customer_id) as customers_scored
    from draws
    inner join scores
        on
            draws.run_id = scores.run_id
            and draws.as_of_date = scores.as_of_date
    group by all
),

final as (
    select * from campaigns
    union all
    select
        'quarter' as kind,
        domain,
        cast(quarter_start as varchar) as subject,
        cast(sum(customers_scored) as bigint) as customers_scored
    from periods
    group by all
)

select * from final
