-- One row per member and cut-off: the payment__ features, from transactions before the cut-off.
{%- set methods = [41, 40, 39, 38, 37, 36, 34, 33, 31] %}
with

history as (
    select * from {{ ref('int_kkbox__history_summarised') }}
),

outages as (
    select * from {{ ref('kkbox_billing_outages') }}
),

featured as (
    select
        history.customer_id,
        history.as_of_date,

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

        -- payment method
        {% for method in methods -%}
        history.payment_method_id = {{ method }} as payment__is_method_{{ method }},
        {% endfor -%}
        -- a long list of constants would be a join
        {% for method in methods -%}
        history.payment_method_id != {{ method }}
        {%- if not loop.last %} and {% endif -%}
        {%- endfor %}
            as payment__is_method_other,
        outages.payment_method_id is not null as payment__is_method_in_outage,

        -- history
        history.days_since_last_payment as payment__days_since_last_payment,
        history.days_since_last_cancel as payment__days_since_last_cancel,
        history.transactions as payment__transactions,
        case when history.is_covered_90d then history.transactions_90d end
            as payment__transactions_90d,
        case when history.is_covered_365d then history.transactions_365d end
            as payment__transactions_365d,
        case when history.is_covered_365d then cast(coalesce(history.amount_365d, 0) as bigint) end
            as payment__amount_365d,
        {{ exact_ratio('history.zero_paid_rows', 'history.transactions') }}
            as payment__zero_paid_share,
        history.cancels as payment__cancels,
        case when history.is_covered_365d then history.cancels_365d end as payment__cancels_365d,
        history.method_changes as payment__method_changes,
        history.auto_renew_changes as payment__auto_renew_changes,
        history.duplicate_rows as payment__duplicate_rows,
        history.expiry_before_transaction_rows as payment__expiry_before_transaction_rows,
        history.ancient_expiry_rows as payment__ancient_expiry_rows
    from history
    left join outages
        on
            history.payment_method_id = outages.payment_method_id
            and history.as_of_date > outages.known_from
            and history.as_of_date <= outages.ended_on
)

select * from featured
