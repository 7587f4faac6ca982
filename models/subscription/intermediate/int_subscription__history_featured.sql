-- One row per customer and cut-off: when the decision is due, what is at stake, and the features
-- from transactions and dates. One model reads one summary: to join themes takes longer than to
-- compute them.
--
-- At stake, before margin, is the last paid price per 30 days times the value months of the domain.
-- A paid plan of 0 days is priced as 30, the price it bears; a customer who never paid is worth the
-- list price of the current plan. A gap is the days from an expiry to the purchase that followed.
with

history as (
    select
        summarised.*,
        coalesce(
            summarised.last_paid_amount,
            case when summarised.list_price > 0 then summarised.list_price end,
            0
        ) as valued_price,
        case
            when summarised.last_paid_amount is not null then summarised.last_paid_plan_days
            else summarised.plan_days
        end as valued_days,
        entries.value_months
    from {{ ref('int_subscription__history_summarised') }} as summarised
    inner join {{ ref('stg_subscription__settings') }} as entries
        on summarised.domain = entries.domain
),

featured as (
    select
        history.domain,
        history.customer_id,
        history.as_of_date,
        history.expires_on as due_on,
        {{ exact_ratio(
            'history.valued_price * 30 * history.value_months',
            'case when history.valued_days > 0 then history.valued_days else 30 end'
        ) }} as customer_value,

        -- the last transaction
        history.is_auto_renew as payment__is_auto_renew,
        history.is_cancel as payment__is_cancelled,
        {{ days_between('history.transacted_on', 'history.as_of_date') }}
            as payment__days_since_last_transaction,
        cast(history.amount_paid as bigint) as payment__last_amount,
        cast(history.list_price as bigint) as payment__last_list_price,
        cast(history.list_price - history.amount_paid as bigint) as payment__last_discount,
        history.is_zero_paid as payment__is_last_zero_paid,
        history.is_expiry_before_transaction as payment__is_last_expiry_before_transaction,

        -- payments so far
        history.days_since_last_payment as payment__days_since_last_payment,
        history.days_since_last_cancel as payment__days_since_last_cancel,
        history.transactions as payment__transactions,
        {{ when_covered('history.is_covered_90d', 'history.transactions_90d') }}
            as payment__transactions_90d,
        {{ when_covered('history.is_covered_365d', 'history.transactions_365d') }}
            as payment__transactions_365d,
        {{ when_covered('history.is_covered_365d', bigint_or_zero('history.amount_365d')) }}
            as payment__amount_365d,
        {{ exact_ratio('history.zero_paid_rows', 'history.transactions') }}
            as payment__zero_paid_share,
        history.cancels as payment__cancels,
        {{ when_covered('history.is_covered_365d', 'history.cancels_365d') }}
            as payment__cancels_365d,
        history.method_changes as payment__method_changes,
        history.auto_renew_changes as payment__auto_renew_changes,
        history.duplicate_rows as payment__duplicate_rows,
        history.expiry_before_transaction_rows as payment__expiry_before_transaction_rows,
        history.ancient_expiry_rows as payment__ancient_expiry_rows,

        -- the current plan; 0 days is kept as the file has it
        cast(history.plan_days as bigint) as plan__days,
        history.is_zero_plan_days as plan__is_zero_days,
        history.is_trial as plan__is_trial,
        {{ exact_ratio('history.list_price * 30', 'history.plan_days') }}
            as plan__list_price_per_30d,
        {{ exact_ratio('history.amount_paid * 30', 'history.plan_days') }} as plan__price_per_30d,

        -- plans so far
        cast(history.longest_plan_days as bigint) as plan__longest_days,
        history.plan_changes as plan__changes,
        history.price_changes as plan__price_changes,
        history.trials as plan__trials,
        history.zero_plan_days_rows as plan__zero_days_rows,

        -- the current expiry
        {{ days_between('history.as_of_date', 'history.expires_on') }}
            as membership__days_to_expiry,
        {{ days_between('history.transacted_on', 'history.expires_on') }}
            as membership__days_paid_ahead,
        cast(history.renewal_gap_days as bigint) as membership__gap_at_last_transaction,

        -- how long, and how much of it is on record
        history.tenure_days as membership__tenure_days,
        {{ days_between('history.covered_from', 'history.as_of_date') }} <= history.tenure_days + 31
            as membership__is_history_truncated,

        -- past renewals
        history.renewals as membership__renewals,
        history.early_renewals as membership__early_renewals,
        history.late_renewals as membership__late_renewals,
        {{ exact_ratio('history.late_renewals', 'history.renewals') }} as membership__late_share,
        history.lapses as membership__lapses,
        {{ when_covered('history.is_covered_365d', 'history.lapses_365d') }}
            as membership__lapses_365d,
        history.days_since_last_return as membership__days_since_last_return,
        cast(history.last_gap_days as bigint) as membership__last_gap_days,
        cast(history.largest_gap_days as bigint) as membership__largest_gap_days,
        {{ exact_ratio('history.gap_sum', 'history.renewals') }} as membership__mean_gap_days,
        {{ exact_stddev('history.renewals', 'history.gap_sum', 'history.gap_square_sum') }}
            as membership__gap_spread_days,

        -- season, and the day of the expiry
        {{ month_of('history.as_of_date') }} as calendar__month,
        {{ days_between('history.as_of_date', month_after('history.as_of_date')) }}
            as calendar__days_in_cohort_month,
        {{ day_of_month('history.expires_on') }} as calendar__expiry_day,
        -- 2000-01-03 was a Monday
        {{ days_between("date '2000-01-03'", 'history.expires_on') }} % 7 + 1
            as calendar__expiry_weekday
    from history
)

select * from featured
