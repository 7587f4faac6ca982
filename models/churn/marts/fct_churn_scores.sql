-- One row per run, cut-off and customer: every score ever made, beside its outcome once the cohort
-- is closed.
with

scores as (
    select * from {{ ref('stg_churn__scores') }}
),

runs as (
    select * from {{ ref('stg_churn__runs') }}
),

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

examples as (
    select * from {{ ref('int_churn__examples_unioned') }}
),

labels as (
    select * from {{ ref('int_churn__labels_unioned') }}
),

final as (
    select
        scores.run_id,
        scores.domain,
        scores.customer_id,
        scores.as_of_date,
        examples.due_on,
        scores.margin,
        scores.churn_probability,
        scores.risk_band,
        examples.customer_value,
        examples.customer_value * costs.leaving_share as leaving_cost,
        costs.horizon_days as leaving_cost_days,
        -- what stayers and leavers of closed cohorts paid, by how likely each is
        examples.customer_value * (
            (1 - scores.churn_probability) * costs.stayed_share
            + scores.churn_probability * costs.left_share
        ) as expected_revenue,
        examples.already_cancelled,
        -- predicted, so not who has cancelled already
        scores.risk_band in ('critical', 'high') and not coalesce(examples.already_cancelled, false)
            as is_at_risk,
        runs.label_definition,
        labels.label_known_on,
        labels.is_churned,
        live.run_id is not null as is_live,
        scores.model_hash,
        scores.label_checksum,
        scores.feature_sql_hash,
        scores.feature_checksum,
        scores.scored_at
    from scores
    inner join runs on scores.run_id = runs.run_id
    left join live
        on
            scores.run_id = live.run_id
            and scores.as_of_date = live.as_of_date
    left join examples
        on
            scores.domain = examples.domain
            and scores.customer_id = examples.customer_id
            and scores.as_of_date = examples.as_of_date
    left join {{ ref('int_churn__value_bands_cut') }} as bands
        on
            scores.domain = bands.domain
            and scores.as_of_date = bands.as_of_date
    left join {{ ref('int_churn__leaving_costs_measured') }} as costs
        on
            scores.domain = costs.domain
            and scores.as_of_date = costs.as_of_date
            and {{ value_band('examples.customer_value', 'bands') }} = costs.value_band
    left join labels
        on
            scores.domain = labels.domain
            and scores.customer_id = labels.customer_id
            and scores.as_of_date = labels.as_of_date
            and runs.label_definition = labels.label_definition
)

select * from final
