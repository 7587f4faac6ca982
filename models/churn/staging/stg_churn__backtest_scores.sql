-- One row per run and customer of its test cohort, all runs.
with

source as (
    select * from {{ source('ml', 'backtest_scores') }}
),

renamed as (
    select
        run_id,
        domain,
        customer_id,
        as_of_date,
        churn_probability,
        risk_band,
        is_churned
    from source
)

select * from renamed
