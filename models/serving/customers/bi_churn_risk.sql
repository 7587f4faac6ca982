-- One row per domain and customer of the scored cohort: how likely, by when, what is at stake, why.
with

scores as (
    select * from {{ ref('fct_churn_scores') }}
    where is_live
),

-- What raises the risk, strongest first; what lowers it is in bi_churn_reasons.
raising as (
    select
        domain,
        customer_id,
        sentence,
        row_number() over (
            partition by domain, customer_id
            order by rank asc
        ) as place
    from {{ ref('fct_churn_reasons') }}
    where
        direction = 'raises'
        and not is_typical
),

sentences as (
    select
        domain,
        customer_id,
        max(case when place = 1 then sentence end) as top_driver_1,
        max(case when place = 2 then sentence end) as top_driver_2,
        max(case when place = 3 then sentence end) as top_driver_3
    from raising
    group by all
),

summaries as (
    select * from {{ ref('int_churn__customers_summed_up') }}
),

final as (
    select
        scores.domain,
        scores.customer_id,
        scores.as_of_date,
        scores.due_on,
        scores.churn_probability,
        scores.risk_band,
        row_number() over (
            partition by scores.domain
            order by
                scores.churn_probability desc,
                scores.customer_value desc,
                scores.customer_id asc
        ) as risk_rank,
        scores.customer_value,
        scores.leaving_cost,
        scores.leaving_cost_days,
        scores.churn_probability * scores.leaving_cost as value_at_risk,
        scores.already_cancelled,
        scores.is_at_risk,
        sentences.top_driver_1,
        sentences.top_driver_2,
        sentences.top_driver_3,
        scores.label_definition,
        scores.run_id,
        scores.scored_at,
        summaries.summary
    from scores
    left join summaries
        on
            scores.domain = summaries.domain
            and scores.customer_id = summaries.customer_id
    left join sentences
        on
            scores.domain = sentences.domain
            and scores.customer_id = sentences.customer_id
)

select * from final
