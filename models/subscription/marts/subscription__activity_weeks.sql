{{ config(materialized='table') }}
-- One row per domain, customer of the scoring cohort and week before the cut-off: what they did. A
-- week without anything is 0; one that the records do not cover is null.
{%- set is_usage_covered = 'usage_filled.weeks_before is not null' %}
{%- set are_payments_covered = 'payments_filled.weeks_before is not null' %}
with

weeks as (
    {{ weeks_of(ref('stg_subscription__settings')) }}
),

cohort as (
    select
        domain,
        customer_id,
        as_of_date
    from {{ ref('int_subscription__cohorts_selected') }}
    where
        (domain, as_of_date) in (
            select
                weeks.domain,
                weeks.as_of_date
            from weeks
        )
),

days as (
    {{ days_of_weeks('weeks') }}
),

usage as (
    select
        records.domain,
        records.customer_id,
        days.weeks_before,
        count(distinct records.used_on) as active_days,
        -- a day cannot hold less than no usage or more than a day of it
        cast(coalesce(sum(records.seconds) filter (
            where not records.is_seconds_negative and not records.is_seconds_over_a_day
        ), 0) as bigint) as seconds
    from {{ ref('stg_subscription__usage') }} as records
    inner join days
        on
            records.domain = days.domain
            and records.used_on = days.day
    where
        records.customer_id in (select cohort.customer_id from cohort)
        -- one column filters the files fast
        and records.used_on in (select reached.day from days as reached)
    group by records.domain, records.customer_id, days.weeks_before
),

payments as (
    select
        payments.domain,
        payments.customer_id,
        days.weeks_before,
        count(*) as payments,
        cast(sum(payments.amount_cents) as bigint) as amount_cents
    from {{ ref('stg_subscription__payments') }} as payments
    inner join days
        on
            payments.domain = days.domain
            and payments.paid_on = days.day
    where
        (payments.domain, payments.customer_id) in (
            select
                cohort.domain,
                cohort.customer_id
            from cohort
        )
    group by payments.domain, payments.customer_id, days.weeks_before
),

usage_filled as (
    {{ weeks_filled('weeks', ref('stg_subscription__settings'), 'usage_table') }}
),

payments_filled as (
    {{ weeks_filled('weeks', ref('stg_subscription__settings'), 'payments_table') }}
),

final as (
    select
        cohort.domain,
        {{ known_customer('cohort.customer_id') }} as customer_id,
        cohort.as_of_date,
        weeks.weeks_before,
        weeks.week_starts_on,
        {{ when_covered(is_usage_covered, 'coalesce(usage.active_days, 0)') }}
            as active_days,
        {{ when_covered(is_usage_covered, 'coalesce(usage.seconds, 0) / 3600.0') }}
            as usage_amount,
        {{ when_covered(are_payments_covered, 'coalesce(payments.payments, 0)') }}
            as transactions,
        {{ when_covered(
            are_payments_covered, exact_ratio('coalesce(payments.amount_cents, 0)', 100)
        ) }} as transaction_amount
    from cohort
    inner join weeks
        on
            cohort.domain = weeks.domain
            and cohort.as_of_date = weeks.as_of_date
    left join usage
        on
            cohort.domain = usage.domain
            and cohort.customer_id = usage.customer_id
            and weeks.weeks_before = usage.weeks_before
    left join payments
        on
            cohort.domain = payments.domain
            and cohort.customer_id = payments.customer_id
            and weeks.weeks_before = payments.weeks_before
    left join usage_filled
        on
            weeks.domain = usage_filled.domain
            and weeks.as_of_date = usage_filled.as_of_date
            and weeks.weeks_before = usage_filled.weeks_before
    left join payments_filled
        on
            weeks.domain = payments_filled.domain
            and weeks.as_of_date = payments_filled.as_of_date
            and weeks.weeks_before = payments_filled.weeks_before
)

select * from final
