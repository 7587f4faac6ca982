{{ config(materialized='table') }}
-- One row per domain, period and customer that a plan chose, contacted or held out by the period's
-- draw, with or without a campaign: what happened from the cut-off of that plan on.
with

assignments as (
    select * from {{ ref('stg_churn__assignments') }}
    where arm in ('treat', 'control')
),

runs as (
    select * from {{ ref('stg_churn__runs') }}
),

labels as (
    select * from {{ ref('int_churn__labels_unioned') }}
    where is_churned is not null
),

revenue_days as (
    select * from {{ ref('int_churn__revenue_days_unioned') }}
),

known as (
    select
        assignments.*,
        labels.label_known_on,
        labels.is_churned
    from assignments
    inner join runs on assignments.run_id = runs.run_id
    inner join labels
        on
            assignments.domain = labels.domain
            and assignments.customer_id = labels.customer_id
            and assignments.as_of_date = labels.as_of_date
            and runs.label_definition = labels.label_definition
),

closing as (
    select
        domain,
        as_of_date,
        max(label_known_on) as closes_on
    from known
    group by all
),

-- both arms over the same days
paid as (
    select
        known.domain,
        known.period_start,
        known.customer_id,
        cast(sum(revenue_days.amount_cents) as bigint) as revenue_cents
    from known
    inner join closing
        on
            known.domain = closing.domain
            and known.as_of_date = closing.as_of_date
    inner join revenue_days
        on
            known.domain = revenue_days.domain
            and known.customer_id = revenue_days.customer_id
            and known.as_of_date <= revenue_days.booked_on
            and closing.closes_on > revenue_days.booked_on
    group by all
),

final as (
    select
        known.domain,
        known.period_start,
        known.customer_id,
        cast(date_trunc('quarter', known.period_start) as date) as quarter_start,
        known.arm,
        known.holdout_per_mille,
        'from ' || known.period_start || ', held out ' || known.holdout_per_mille as stratum,
        known.run_id,
        known.as_of_date,
        known.planned_spend_cents,
        known.is_churned,
        coalesce(paid.revenue_cents, 0) as revenue_cents
    from known
    left join paid
        on
            known.domain = paid.domain
            and known.period_start = paid.period_start
            and known.customer_id = paid.customer_id
)

select * from final
