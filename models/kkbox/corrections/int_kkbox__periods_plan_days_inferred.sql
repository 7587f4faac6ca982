{{ config(materialized=correction_materialized('kkbox', 'periods_plan_days_inferred')) }}
-- One row per transaction: a plan of 0 days that was paid for gets the days that its price
-- buys. What renews by itself is a month, and so is every price up to NT$180; a dearer plan is as
-- many days as its price buys at NT$149 for thirty.
with

periods as (
    select * from {{ uncorrected('kkbox', 'periods', 'periods_plan_days_inferred') }}
),

judged as (
    select
        *,
        case
            when is_auto_renew or amount_paid <= 180 then 30
            else cast(round(amount_paid * 30 / 149) as integer)
        end as days_bought,
        coalesce(plan_days = 0 and amount_paid > 0 and not is_cancel, false) as is_wrong
    from periods
),

corrected as (
    select
        customer_id,
        transacted_on,
        expires_on,
        case when is_wrong then days_bought else plan_days end as plan_days,
        case when is_wrong and list_price = 0 then amount_paid else list_price end as list_price,
        amount_paid,
        payment_method,
        is_auto_renew,
        is_cancel,
        is_change,
        is_trial,
        is_expiry_ancient,
        day_order,
        is_wrong or is_inferred as is_inferred,
        case when is_wrong then 'periods_plan_days_inferred' else correction end as correction
    from judged
)

select * from corrected
