{{ config(materialized='table') }}
-- One row per member of the scoring cohort and week before the cut-off: what the member did. A week
-- without anything is 0; one that the logs do not cover is null.
{%- set are_logs_covered = 'logs_filled.weeks_before is not null' %}
{%- set are_payments_covered = 'transactions_filled.weeks_before is not null' %}
with

weeks as (
    {{ weeks_before('kkbox') }}
),

cohort as (
    select
        customer_id,
        as_of_date
    from {{ ref('int_kkbox__cohorts_selected') }}
    where as_of_date in (select weeks.as_of_date from weeks)
),

days as (
    {{ days_of_weeks('weeks') }}
),

listening as (
    select
        logs.customer_id,
        days.weeks_before,
        count(distinct logs.listened_on) as active_days,
        -- a day cannot hold less than no listening or more than a day of it
        cast(coalesce(sum(logs.seconds) filter (
            where not logs.is_seconds_negative and not logs.is_seconds_over_a_day
        ), 0) as bigint) as seconds
    from {{ ref('stg_kkbox__user_logs') }} as logs
    inner join days on logs.listened_on = days.day
    where logs.customer_id in (select cohort.customer_id from cohort)
    group by all
),

payments as (
    select
        transactions.customer_id,
        days.weeks_before,
        count(*) as payments,
        cast(sum(transactions.amount_paid) as bigint) as amount
    from {{ ref('stg_kkbox__transactions') }} as transactions
    inner join days on transactions.transacted_on = days.day
    where
        not transactions.is_cancel
        and transactions.customer_id in (select cohort.customer_id from cohort)
    group by all
),

logs_filled as (
    {{ weeks_filled('kkbox', 'weeks', 'user_logs') }}
),

transactions_filled as (
    {{ weeks_filled('kkbox', 'weeks', 'transactions') }}
),

final as (
    select
        'kkbox' as domain,
        {{ known_customer('cohort.customer_id') }} as customer_id,
        cohort.as_of_date,
        weeks.weeks_before,
        weeks.week_starts_on,
        {{ when_covered(are_logs_covered, 'coalesce(listening.active_days, 0)') }}
            as active_days,
        {{ when_covered(are_logs_covered, 'coalesce(listening.seconds, 0) / 3600.0') }}
            as usage_amount,
        {{ when_covered(are_payments_covered, 'coalesce(payments.payments, 0)') }}
            as transactions,
        {{ when_covered(are_payments_covered, 'cast(coalesce(payments.amount, 0) as double)') }}
            as transaction_amount
    from cohort
    inner join weeks on cohort.as_of_date = weeks.as_of_date
    left join listening
        on
            cohort.customer_id = listening.customer_id
            and weeks.weeks_before = listening.weeks_before
    left join payments
        on
            cohort.customer_id = payments.customer_id
            and weeks.weeks_before = payments.weeks_before
    left join logs_filled
        on
            weeks.as_of_date = logs_filled.as_of_date
            and weeks.weeks_before = logs_filled.weeks_before
    left join transactions_filled
        on
            weeks.as_of_date = transactions_filled.as_of_date
            and weeks.weeks_before = transactions_filled.weeks_before
)

select * from final
