-- One row per member and cut-off: the plan__ features, from transactions before the cut-off.
with

cohort as (
    select * from {{ ref('int_kkbox__memberships_expiring') }}
),

history as (
    select * from {{ ref('int_kkbox__history_summarised') }}
),

featured as (
    select
        cohort.customer_id,
        cohort.as_of_date,

        -- the current plan; 0 days is kept as the file has it
        cast(cohort.plan_days as bigint) as plan__days,
        cohort.is_zero_plan_days as plan__is_zero_days,
        cohort.is_trial as plan__is_trial,
        {{ exact_ratio('cohort.list_price * 30', 'cohort.plan_days') }} as plan__list_price_per_30d,
        {{ exact_ratio('cohort.amount_paid * 30', 'cohort.plan_days') }} as plan__price_per_30d,

        -- history
        cast(history.longest_plan_days as bigint) as plan__longest_days,
        history.plan_changes as plan__changes,
        history.price_changes as plan__price_changes,
        history.trials as plan__trials,
        history.zero_plan_days_rows as plan__zero_days_rows
    from cohort
    inner join history
        on
            cohort.customer_id = history.customer_id
            and cohort.as_of_date = history.as_of_date
)

select * from featured
