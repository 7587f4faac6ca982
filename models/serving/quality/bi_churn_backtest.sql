-- One row per domain and customer of a test cohort of the live run, the one whose day of the month
-- is nearest to the day that is scored: what the model would have said, and what happened.
with

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

days as (
    select * from {{ ref('int_churn__test_days_picked') }}
),

final as (
    select
        backtest.domain,
        backtest.customer_id,
        backtest.as_of_date,
        backtest.run_id,
        backtest.churn_probability,
        backtest.risk_band,
        row_number() over (
            partition by backtest.domain
            order by backtest.churn_probability desc, backtest.customer_id asc
        ) as risk_rank,
        backtest.is_churned
    from {{ ref('stg_churn__backtest_scores') }} as backtest
    inner join live on backtest.run_id = live.run_id
    inner join days
        on
            live.domain = days.domain
            and {{ day_of_month('live.as_of_date') }} = days.day_of_month
            and backtest.as_of_date = days.test_as_of_date
)

select * from final
