-- One row per domain, test cohort, model and metric of the live runs: quality by the kind of day on
-- which customers are scored.
with

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

days as (
    select * from {{ ref('int_churn__test_days_picked') }}
),

final as (
    select
        figures.domain,
        figures.run_id,
        figures.as_of_date,
        {{ day_of_month('figures.as_of_date') }} as day_of_month,
        figures.model,
        figures.metric,
        figures.value,
        figures.ci_low,
        figures.ci_high,
        figures.rows,
        figures.label_definition,
        days.test_as_of_date is not null as is_nearest_to_scored
    from {{ ref('stg_churn__day_metrics') }} as figures
    inner join live on figures.run_id = live.run_id
    left join days
        on
            figures.domain = days.domain
            and figures.as_of_date = days.test_as_of_date
            and {{ day_of_month('live.as_of_date') }} = days.day_of_month
)

select * from final
