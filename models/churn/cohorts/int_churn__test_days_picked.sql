-- One row per domain and day of the month: the tested cut-off of the live run that is nearest to
-- it, counted in a month of 31 days, and whether it is near enough to speak for that day.
{#- A day that is further from every tested one is of a kind whose quality nobody has measured: four
    cut-offs laid evenly over a month leave no day more than four days from one of them. -#}
{%- set near_days = 4 %}
with

live as (
    select
        domain,
        run_id
    from {{ ref('int_churn__live_runs_selected') }}
),

tested as (
    select distinct
        live.domain,
        live.run_id,
        backtest.as_of_date,
        {{ day_of_month('backtest.as_of_date') }} as tested_day
    from {{ ref('stg_churn__backtest_scores') }} as backtest
    inner join live on backtest.run_id = live.run_id
),

days as (
    {{ number_series(1, 31, 'day_of_month') }}
),

apart as (
    select
        tested.domain,
        tested.run_id,
        days.day_of_month,
        tested.as_of_date,
        least(
            abs(days.day_of_month - tested.tested_day),
            31 - abs(days.day_of_month - tested.tested_day)
        ) as days_apart
    from tested
    cross join days
),

final as (
    select
        domain,
        run_id,
        day_of_month,
        as_of_date as test_as_of_date,
        cast(days_apart as bigint) as days_apart,
        days_apart <= {{ near_days }} as is_measured
    from apart
    qualify row_number() over (
        partition by domain, day_of_month
        order by days_apart asc, as_of_date asc
    ) = 1
)

select * from final
