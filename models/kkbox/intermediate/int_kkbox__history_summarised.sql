{{ config(materialized='table') }}
-- One row per member and cut-off: what all transactions before the cut-off say of payments, plans
-- and past renewals.
with

cohort as (
    select
        customer_id,
        as_of_date,
        position
    from {{ ref('int_kkbox__memberships_expiring') }}
),

transactions as (
    select * from {{ ref('int_kkbox__transactions_ordered') }}
),

past as (
    select
        cohort.as_of_date,
        transactions.*,
        {{ days_between('transactions.transacted_on', 'cohort.as_of_date') }} as days_before
    from cohort
    inner join transactions
        on
            cohort.customer_id = transactions.customer_id
            and cohort.position >= transactions.position
),

summarised as (
    select
        customer_id,
        as_of_date,

        -- payments
        count(*) as transactions,
        count(*) filter (where days_before <= 90) as transactions_90d,
        count(*) filter (where days_before <= 365) as transactions_365d,
        {{ exact_sum('amount_paid', where='not is_cancel and days_before <= 365') }} as amount_365d,
        count(*) filter (where is_zero_paid) as zero_paid_rows,
        count(*) filter (where is_cancel) as cancels,
        count(*) filter (where is_cancel and days_before <= 365) as cancels_365d,
        min(days_before) filter (where is_cancel) as days_since_last_cancel,
        min(days_before) filter (where amount_paid > 0 and not is_cancel)
            as days_since_last_payment,
        max_by(amount_paid, position) filter (where amount_paid > 0 and not is_cancel)
            as last_paid_amount,
        -- max_by passes over nulls: an unknown length must not be taken from an older payment
        max_by(coalesce(plan_days, 0), position) filter (where amount_paid > 0 and not is_cancel)
            as last_paid_plan_days,
        count(*) filter (where payment_method_id != previous_payment_method_id) as method_changes,
        count(*) filter (where is_auto_renew != previous_is_auto_renew) as auto_renew_changes,
        count(*) filter (where is_duplicate) as duplicate_rows,
        count(*) filter (where is_expiry_before_transaction) as expiry_before_transaction_rows,
        count(*) filter (where is_expiry_ancient) as ancient_expiry_rows,

        -- plans
        count(*) filter (where plan_days != previous_plan_days) as plan_changes,
        count(*) filter (where list_price != previous_list_price) as price_changes,
        count(*) filter (where is_zero_plan_days) as zero_plan_days_rows,
        count(*) filter (where is_trial) as trials,
        max(plan_days) as longest_plan_days,

        -- past renewals
        max(days_before) as tenure_days,
        count(renewal_gap_days) as renewals,
        count(*) filter (where renewal_gap_days < 0) as early_renewals,
        count(*) filter (where renewal_gap_days between 1 and 29) as late_renewals,
        count(*) filter (where renewal_gap_days >= 30) as lapses,
        count(*) filter (where renewal_gap_days >= 30 and days_before <= 365) as lapses_365d,
        min(days_before) filter (where renewal_gap_days >= 30) as days_since_last_return,
        max(renewal_gap_days) as largest_gap_days,
        max_by(renewal_gap_days, position) filter (where renewal_gap_days is not null)
            as last_gap_days,
        {{ exact_sum('renewal_gap_days') }} as gap_sum,
        {{ exact_sum(exact_square('renewal_gap_days'), digits=38) }} as gap_square_sum
    from past
    group by all
)

select * from summarised
