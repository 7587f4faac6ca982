{{ config(materialized=correction_materialized('kkbox', 'periods_zero_payments_priced')) }}
-- One row per transaction: a purchase with a list price and nothing paid was paid for at that
-- price. Trials are free on purpose.
with

periods as (
    select * from {{ uncorrected('kkbox', 'periods', 'periods_zero_payments_priced') }}
),

judged as (
    select
        *,
        coalesce(amount_paid = 0 and list_price > 0 and not is_cancel and not is_trial, false)
            as is_wrong
    from periods
),

corrected as (
    select
        customer_id,
        transacted_on,
        expires_on,
        plan_days,
        list_price,
        case when is_wrong then list_price else amount_paid end as amount_paid,
        payment_method,
        is_auto_renew,
        is_cancel,
        is_change,
        is_trial,
        is_expiry_ancient,
        day_order,
        is_wrong or is_inferred as is_inferred,
        case when is_wrong then 'periods_zero_payments_priced' else correction end as correction
    from judged
)

select * from corrected
