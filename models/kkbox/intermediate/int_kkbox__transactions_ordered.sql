{{ config(materialized='table') }}
-- One row per transaction in the organisers' order, beside what held before it. Exact duplicates
-- are numbered too, so the order is total up to rows that do not differ: with equal price and days,
-- an equal signature is an equal method.
{%- set walk_order %}
    transacted_on,
    price_signature desc,
    is_cancel,
    case when is_cancel then null else expires_on end nulls last,
    case when is_cancel then expires_on end desc nulls last,
    amount_paid desc nulls last,
    is_auto_renew desc,
    list_price desc nulls last,
    plan_days desc nulls last
{%- endset %}
with

transactions as (
    select * from {{ ref('stg_kkbox__transactions') }}
),

ordered as (
    select
        *,
        row_number() over member_walk as position,
        lag(transacted_on) over member_walk as previous_transacted_on,
        lag(expires_on) over member_walk as previous_expires_on,
        lag(is_expiry_ancient) over member_walk as is_previous_expiry_ancient,
        lag(plan_days) over member_walk as previous_plan_days,
        lag(payment_method_id) over member_walk as previous_payment_method_id,
        lag(is_auto_renew) over member_walk as previous_is_auto_renew,
        lag(is_cancel) over member_walk as previous_is_cancel,
        lag(amount_paid) over member_walk as previous_amount_paid,
        lag(list_price) over member_walk as previous_list_price,
        -- only tells whether a row is the last one before a cut-off; never a feature
        lead(transacted_on) over member_walk as next_transacted_on
    from transactions
    window member_walk as (
        partition by customer_id
        order by {{ walk_order }}
    )
),

measured as (
    select
        *,
        -- an expiry of 1970 is not one to measure a gap from
        case
            when not is_cancel and not is_previous_expiry_ancient
                then {{ days_between('previous_expires_on', 'transacted_on') }}
        end as renewal_gap_days,
        coalesce(
            transacted_on = previous_transacted_on
            and expires_on = previous_expires_on
            and plan_days is not distinct from previous_plan_days
            and payment_method_id is not distinct from previous_payment_method_id
            and is_auto_renew = previous_is_auto_renew
            and is_cancel = previous_is_cancel
            and amount_paid is not distinct from previous_amount_paid
            and list_price is not distinct from previous_list_price,
            false
        ) as is_duplicate
    from ordered
)

select * from measured
