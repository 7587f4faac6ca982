{{ config(materialized=correction_materialized('kkbox', 'periods_renewals_inferred')) }}
-- One row per transaction, and one per renewal that is missing: the next payment came a month or
-- more after the expiry of a plan that renews by itself, states an expiry two months after it, and
-- the member went on listening in between. The renewal stands on the day on which it was due; it is
-- inferred once that payment is there, and until then the member is in no cohort.
with

periods as (
    select * from {{ uncorrected('kkbox', 'periods', 'periods_renewals_inferred') }}
),

followed as (
    select
        *,
        lag(transacted_on) over customer_walk as previous_transacted_on,
        lag(expires_on) over customer_walk as previous_expires_on,
        lag(payment_method) over customer_walk as previous_payment_method,
        lag(list_price) over customer_walk as previous_list_price,
        lag(is_cancel) over customer_walk as is_previous_cancel
    from periods
    window customer_walk as (
        partition by customer_id
        order by {{ walk_order() }}
    )
),

gaps as (
    select
        *,
        {{ days_between('previous_expires_on', 'expires_on') }} as days_of_two
    from followed
    where
        is_auto_renew
        and not is_cancel
        and not is_change
        and not is_previous_cancel
        and payment_method = previous_payment_method
        and list_price = previous_list_price
        and previous_expires_on >= previous_transacted_on
        and {{ days_between('previous_expires_on', 'transacted_on') }} between 25 and 62
        and {{ days_between('previous_expires_on', 'expires_on') }} between 50 and 70
),

listened as (
    select
        gaps.customer_id,
        gaps.transacted_on,
        gaps.day_order,
        count(distinct usage.used_on) as days_listened
    from gaps
    inner join {{ ref('stg_kkbox__usage') }} as usage
        on
            gaps.customer_id = usage.customer_id
            and gaps.previous_expires_on < usage.used_on
            and gaps.transacted_on > usage.used_on
    group by gaps.customer_id, gaps.transacted_on, gaps.day_order
),

missing as (
    select gaps.*
    from gaps
    inner join listened
        on
            gaps.customer_id = listened.customer_id
            and gaps.transacted_on = listened.transacted_on
            and gaps.day_order = listened.day_order
    where listened.days_listened >= 3
),


inferred as (
    select
        missing.customer_id,
        missing.previous_expires_on as transacted_on,
        {{ add_days('missing.previous_expires_on', 'missing.days_of_two - 30') }} as expires_on,
        missing.plan_days,
        missing.list_price,
        missing.amount_paid,
        missing.payment_method,
        missing.is_auto_renew,
        missing.is_cancel,
        missing.is_change,
        missing.is_trial,
        missing.is_expiry_ancient,
        missing.day_order,
        true as is_inferred,
        'periods_renewals_inferred' as correction
    from missing
),

unioned as (
    select
        customer_id,
        transacted_on,
        expires_on,
        plan_days,
        list_price,
        amount_paid,
        payment_method,
        is_auto_renew,
        is_cancel,
        is_change,
        is_trial,
        is_expiry_ancient,
        day_order,
        is_inferred,
        correction
    from periods
    union all
    select * from inferred
)

select * from unioned
