-- One row per customer who has a CRM row and is not scored any more: whether they left by silence,
-- without a payment since they were last scored to be published (lapsed), or otherwise, as a member
-- does who has renewed beyond the window (out_of_scope).
with

published as (
    select
        domain,
        customer_id
    from {{ ref('stg_churn__published_actions') }}
    where not is_deleted
),

actions as (
    select
        domain,
        customer_id
    from {{ ref('fct_churn_actions') }}
),

gone as (
    select published.*
    from published
    left join actions
        on
            published.domain = actions.domain
            and published.customer_id = actions.customer_id
    where actions.customer_id is null
),

last_scores as (
    select
        scores.domain,
        scores.customer_id,
        max(scores.as_of_date) as as_of_date
    from {{ ref('stg_churn__scores') }} as scores
    inner join gone
        on
            scores.domain = gone.domain
            and scores.customer_id = gone.customer_id
    inner join {{ ref('int_churn__published_scorings_selected') }} as scorings
        on
            scores.domain = scorings.domain
            and scores.run_id = scorings.run_id
            and scores.as_of_date = scorings.as_of_date
    inner join {{ ref('int_churn__live_runs_selected') }} as live
        on
            scores.domain = live.domain
            and scores.as_of_date <= live.as_of_date
    group by all
),

paid as (
    select distinct
        last_scores.domain,
        last_scores.customer_id
    from last_scores
    inner join {{ ref('int_churn__revenue_days_unioned') }} as revenue_days
        on
            last_scores.domain = revenue_days.domain
            and last_scores.customer_id = revenue_days.customer_id
            and last_scores.as_of_date <= revenue_days.booked_on
),

final as (
    select
        last_scores.domain,
        last_scores.customer_id,
        case when paid.customer_id is null then 'lapsed' else 'out_of_scope' end as deleted_reason
    from last_scores
    left join paid
        on
            last_scores.domain = paid.domain
            and last_scores.customer_id = paid.customer_id
)

select * from final
