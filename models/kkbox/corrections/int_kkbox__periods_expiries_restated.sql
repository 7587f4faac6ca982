{{ config(materialized=correction_materialized('kkbox', 'periods_expiries_restated')) }}
-- One row per transaction: a purchase whose expiry is before itself expires when its plan ends. A
-- cancellation may state an expiry that has passed.
with

periods as (
    select * from {{ uncorrected('kkbox', 'periods', 'periods_expiries_restated') }}
),

judged as (
    select
        *,
        case when plan_days > 0 then plan_days else 30 end as days_bought,
        coalesce(expires_on < transacted_on and not is_cancel and not is_change, false) as is_wrong
    from periods
),

corrected as (
    select
        customer_id,
        transacted_on,
        case
            when is_wrong then {{ add_days('transacted_on', 'days_bought') }}
            else expires_on
        end as expires_on,
        plan_days,
        list_price,
        amount_paid,
        payment_method,
        is_auto_renew,
        is_cancel,
        is_change,
        is_trial,
        case when is_wrong then false else is_expiry_ancient end as is_expiry_ancient,
        day_order,
        is_wrong or is_inferred as is_inferred,
        case when is_wrong then 'periods_expiries_restated' else correction end as correction
    from judged
)

select * from corrected
