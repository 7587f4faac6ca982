-- One row per domain and customer of the scored cohort: active days of the last four weeks and of
-- the four before them. A window with a week that is not covered is not known.
with

weeks as (
    select
        domain,
        customer_id,
        active_days,
        weeks_before between 1 and 4 as is_recent,
        weeks_before between 5 and 8 as is_before
    from {{ ref('int_churn__activity_weeks_unioned') }}
),

final as (
    select
        domain,
        customer_id,
        case
            when count(active_days) filter (where is_recent) = 4
                then cast(sum(active_days) filter (where is_recent) as bigint)
        end as active_days_4w,
        case
            when count(active_days) filter (where is_before) = 4
                then cast(sum(active_days) filter (where is_before) as bigint)
        end as active_days_4w_before
    from weeks
    group by all
)

select * from final
