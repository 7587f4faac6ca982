{{ config(materialized='table') }}
-- One row per customer and cut-off: the state of the last transaction, what all transactions before
-- the cut-off say of payments, plans and past renewals, and which windows they cover. The themes
-- that read it need no join: on one customer a join costs more than its work.
{%- set lapse_days = 30 %}
with

cohort as (
    select * from {{ ref('int_subscription__states_corrected') }}
),

periods as (
    select * from {{ ref('int_subscription__periods_corrected') }}
),

past as (
    select
        cohort.as_of_date,
        periods.*,
        -- a cancellation or a change repeats what was paid before
        not periods.is_cancel and not periods.is_change as is_paid_for,
        {{ days_between('periods.transacted_on', 'cohort.as_of_date') }} as days_before
    from cohort
    inner join periods
        on
            cohort.domain = periods.domain
            and cohort.customer_id = periods.customer_id
            and cohort.position >= periods.position
),

summarised as (
    select
        domain,
        customer_id,
        as_of_date,

        -- payments
        count(*) as transactions,
        {{ count_where('days_before <= 90') }} as transactions_90d,
        {{ count_where('days_before <= 365') }} as transactions_365d,
        {{ exact_sum('amount_paid', where='is_paid_for and days_before <= 365') }}
            as amount_365d,
        {{ count_where('is_zero_paid') }} as zero_paid_rows,
        {{ count_where('is_cancel') }} as cancels,
        {{ count_where('is_cancel and days_before <= 365') }} as cancels_365d,
        min(case when is_cancel then days_before end) as days_since_last_cancel,
        min(case when amount_paid > 0 and is_paid_for then days_before end)
            as days_since_last_payment,
        max_by(amount_paid, case when amount_paid > 0 and is_paid_for then position end)
            as last_paid_amount,
        -- an unknown length must not be taken from an older payment
        max_by(
            coalesce(plan_days, 0), case when amount_paid > 0 and is_paid_for then position end
        ) as last_paid_plan_days,
        {{ count_where('payment_method != previous_payment_method') }} as method_changes,
        {{ count_where('is_auto_renew != previous_is_auto_renew') }} as auto_renew_changes,
        {{ count_where('is_duplicate') }} as duplicate_rows,
        {{ count_where('is_expiry_before_transaction') }} as expiry_before_transaction_rows,
        {{ count_where('is_expiry_ancient') }} as ancient_expiry_rows,

        -- plans
        {{ count_where('plan_days != previous_plan_days') }} as plan_changes,
        {{ count_where('list_price != previous_list_price') }} as price_changes,
        {{ count_where('is_zero_plan_days') }} as zero_plan_days_rows,
        {{ count_where('is_trial') }} as trials,
        max(plan_days) as longest_plan_days,

        -- past renewals
        max(days_before) as tenure_days,
        count(renewal_gap_days) as renewals,
        {{ count_where('renewal_gap_days < 0') }} as early_renewals,
        {{ count_where('renewal_gap_days between 1 and ' ~ (lapse_days - 1)) }} as late_renewals,
        {{ count_where('renewal_gap_days >= ' ~ lapse_days) }} as lapses,
        {{ count_where('renewal_gap_days >= ' ~ lapse_days ~ ' and days_before <= 365') }}
            as lapses_365d,
        min(case when renewal_gap_days >= {{ lapse_days }} then days_before end)
            as days_since_last_return,
        max(renewal_gap_days) as largest_gap_days,
        max_by(renewal_gap_days, case when renewal_gap_days is not null then position end)
            as last_gap_days,
        {{ exact_sum('renewal_gap_days') }} as gap_sum,
        {{ exact_sum(exact_square('renewal_gap_days'), digits=38) }} as gap_square_sum
    from past
    group by domain, customer_id, as_of_date
),

coverage as (
    select
        coverage.domain,
        coverage.as_of_date,
        coverage.covered_from
    from {{ ref('control__coverage') }} as coverage
    inner join {{ ref('stg_subscription__settings') }} as entries
        on
            coverage.domain = entries.domain
            and coverage.table_name = entries.payments_table
),

windows as (
    {{ windows_filled(ref('stg_subscription__settings'), 'payments_table', {
        'is_covered_90d': (90, 0),
        'is_covered_365d': (365, 0),
    }) }}
),

final as (
    select *
    from cohort
    inner join summarised using (domain, customer_id, as_of_date)
    left join coverage using (domain, as_of_date)
    left join windows using (domain, as_of_date)
)

select * from final
