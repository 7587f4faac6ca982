-- One row per member and cut-off: the plan__ features, from transactions before the cut-off.
with

history as (
    select * from {{ ref('int_kkbox__history_summarised') }}
),

featured as (
    select
        history.customer_id,
        history.as_of_date,

        -- the current plan; 0 days is kept as the file has it
        cast(history.plan_days as bigint) as plan__days,
        history.is_zero_plan_days as plan__is_zero_days,
        history.is_trial as plan__is_trial,
        {{ exact_ratio('history.list_price * 30', 'history.plan_days') }}
            as plan__list_price_per_30d,
        {{ exact_ratio('history.amount_paid * 30', 'history.plan_days') }} as plan__price_per_30d,

        -- history
        cast(history.longest_plan_days as bigint) as plan__longest_days,
        history.plan_changes as plan__changes,
        history.price_changes as plan__price_changes,
        history.trials as plan__trials,
        history.zero_plan_days_rows as plan__zero_days_rows
    from history
)

select * from featured
