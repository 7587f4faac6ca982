-- One row per domain, customer of the scored cohort and week before the cut-off: what they did.
with

weeks as (
    select * from {{ ref('no_contract__activity_weeks') }}
    union all
    select * from {{ ref('subscription__activity_weeks') }}
),

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

final as (
    select
        weeks.domain,
        weeks.customer_id,
        weeks.as_of_date,
        weeks.weeks_before,
        weeks.week_starts_on,
        weeks.active_days,
        weeks.usage_amount,
        weeks.transactions,
        weeks.transaction_amount
    from weeks
    inner join live
        on
            weeks.domain = live.domain
            and weeks.as_of_date = live.as_of_date
)

select * from final
