-- One row per member and cut-off: the payment__ features, from transactions before the cut-off.
with

cohort as (
    select * from {{ ref('int_kkbox__memberships_expiring') }}
),

history as (
    select * from {{ ref('int_kkbox__history_summarised') }}
),

outages as (
    select * from {{ ref('kkbox_billing_outages') }}
),

coverage as (
    select
        as_of_date,
        {{ is_covered('kkbox', 'coverage', 'as_of_date', 90) }} as is_covered_90d,
        {{ is_covered('kkbox', 'coverage', 'as_of_date', 365) }} as is_covered_365d
    from {{ source('kkbox_control', 'coverage') }} as coverage
    where table_name = 'transactions'
),

featured as (
    select
        cohort.customer_id,
        cohort.as_of_date,

        -- the last transaction
        cohort.is_auto_renew as payment__is_auto_renew,
        cohort.is_cancel as payment__is_cancelled,
        {{ days_between('cohort.transacted_on', 'cohort.as_of_date') }}
            as payment__days_since_last_transaction,
        cast(cohort.amount_paid as bigint) as payment__last_amount,
        cast(cohort.list_price as bigint) as payment__last_list_price,
        cast(cohort.list_price - cohort.amount_paid as bigint) as payment__last_discount,
        cohort.is_zero_paid as payment__is_last_zero_paid,
        cohort.is_expiry_before_transaction as payment__is_last_expiry_before_transaction,

        -- payment method
        {% for method in [41, 40, 39, 38, 37, 36, 34, 33, 31] -%}
        cohort.payment_method_id = {{ method }} as payment__is_method_{{ method }},
        {% endfor -%}
        cohort.payment_method_id not in (41, 40, 39, 38, 37, 36, 34, 33, 31)
            as payment__is_method_other,
        outages.payment_method_id is not null as payment__is_method_in_outage,

        -- history
        history.days_since_last_payment as payment__days_since_last_payment,
        history.days_since_last_cancel as payment__days_since_last_cancel,
        history.transactions as payment__transactions,
        case when coverage.is_covered_90d then history.transactions_90d end
            as payment__transactions_90d,
        case when coverage.is_covered_365d then history.transactions_365d end
            as payment__transactions_365d,
        case when coverage.is_covered_365d then cast(coalesce(history.amount_365d, 0) as bigint) end
            as payment__amount_365d,
        {{ exact_ratio('history.zero_paid_rows', 'history.transactions') }}
            as payment__zero_paid_share,
        history.cancels as payment__cancels,
        case when coverage.is_covered_365d then history.cancels_365d end as payment__cancels_365d,
        history.method_changes as payment__method_changes,
        history.auto_renew_changes as payment__auto_renew_changes,
        history.duplicate_rows as payment__duplicate_rows,
        history.expiry_before_transaction_rows as payment__expiry_before_transaction_rows,
        history.ancient_expiry_rows as payment__ancient_expiry_rows
    from cohort
    inner join history
        on
            cohort.customer_id = history.customer_id
            and cohort.as_of_date = history.as_of_date
    left join coverage on cohort.as_of_date = coverage.as_of_date
    left join outages
        on
            cohort.payment_method_id = outages.payment_method_id
            and cohort.as_of_date > outages.known_from
            and cohort.as_of_date <= outages.ended_on
)

select * from featured
