-- One row per domain, customer and cut-off that was published before publishes kept a history: the
-- score, by the run that came last. Nobody recorded value, plan and arm then.
with

scorings as (
    select
        domain,
        run_id,
        as_of_date
    from {{ ref('int_churn__published_scorings_selected') }}
    qualify
        row_number() over (
            partition by domain, as_of_date
            order by scored_at desc, run_id asc
        ) = 1
),

recorded as (
    select distinct
        domain,
        as_of_date
    from {{ ref('stg_churn__published_customers') }}
),

final as (
    select
        scores.domain,
        scores.customer_id,
        scores.as_of_date,
        scores.due_on,
        scores.churn_probability,
        scores.risk_band,
        scores.is_at_risk,
        scores.label_definition,
        scores.run_id
    from {{ ref('fct_churn_scores') }} as scores
    inner join scorings
        on
            scores.run_id = scorings.run_id
            and scores.as_of_date = scorings.as_of_date
    left join recorded
        on
            scores.domain = recorded.domain
            and scores.as_of_date = recorded.as_of_date
    where recorded.domain is null
)

select * from final
