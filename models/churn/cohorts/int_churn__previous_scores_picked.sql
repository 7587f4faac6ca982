{{ config(materialized='table') }}
-- One row per domain and scored customer of the live runs that was scored before: the score that
-- was valid until then. It is of the newest earlier cut-off that was scored to be published, by the
-- run that came last.
with

scores as (
    select * from {{ ref('fct_churn_scores') }}
),

live as (
    select * from scores
    where is_live
),

published as (
    select * from {{ ref('int_churn__published_scorings_selected') }}
),

final as (
    select
        scores.domain,
        scores.customer_id,
        scores.as_of_date,
        scores.churn_probability,
        scores.risk_band
    from scores
    inner join published
        on
            scores.run_id = published.run_id
            and scores.as_of_date = published.as_of_date
    inner join live
        on
            scores.domain = live.domain
            and scores.customer_id = live.customer_id
            and scores.as_of_date < live.as_of_date
    qualify
        row_number() over (
            partition by scores.domain, scores.customer_id
            order by scores.as_of_date desc, scores.scored_at desc, scores.run_id asc
        ) = 1
)

select * from final
