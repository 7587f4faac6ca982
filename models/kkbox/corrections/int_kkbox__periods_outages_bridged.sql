{{ config(materialized=correction_materialized('kkbox', 'periods_outages_bridged')) }}
-- One row per transaction, and one per billing outage that kept a member from paying: a change
-- that moves the expiry to the day on which the member paid again, so that no gap and no lapse is
-- counted. It stands on that day, before the payment.
with

periods as (
    select * from {{ uncorrected('kkbox', 'periods', 'periods_outages_bridged') }}
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

outages as (
    select
        {{ dbt.cast('payment_method_id', dbt.type_string()) }} as payment_method,
        started_on,
        ended_on
    from {{ ref('kkbox_billing_outages') }}
),

resumed as (
    select followed.*
    from followed
    inner join outages
        on
            followed.previous_payment_method = outages.payment_method
            and followed.previous_expires_on >= outages.started_on
            and followed.previous_expires_on <= outages.ended_on
            and followed.transacted_on <= {{ add_days('outages.ended_on', 31) }}
    where
        not followed.is_cancel
        and not followed.is_change
        and followed.transacted_on > followed.previous_expires_on
),


inferred as (
    select
        resumed.customer_id,
        resumed.transacted_on,
        resumed.transacted_on as expires_on,
        resumed.plan_days,
        resumed.list_price,
        cast(0 as bigint) as amount_paid,
        resumed.payment_method,
        resumed.is_auto_renew,
        resumed.is_cancel,
        true as is_change,
        resumed.is_trial,
        resumed.is_expiry_ancient,
        '~' as day_order,
        true as is_inferred,
        'periods_outages_bridged' as correction
    from resumed
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
