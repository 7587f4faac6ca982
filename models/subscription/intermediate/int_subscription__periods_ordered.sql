{{ config(materialized='table') }}
-- One row per change of a membership in the order of its days, beside what held before it. What
-- cohorts and labels rest on: the rows as the files have them, without corrections. Exact
-- duplicates are numbered too, so the order is total up to rows that do not differ.
with

ordered as (
    select
        *,
        row_number() over customer_walk as position,
        lag(transacted_on) over customer_walk as previous_transacted_on,
        lag(expires_on) over customer_walk as previous_expires_on,
        lag(is_expiry_ancient) over customer_walk as is_previous_expiry_ancient,
        lag(plan_days) over customer_walk as previous_plan_days,
        lag(payment_method) over customer_walk as previous_payment_method,
        lag(is_auto_renew) over customer_walk as previous_is_auto_renew,
        lag(is_cancel) over customer_walk as previous_is_cancel,
        lag(is_change) over customer_walk as previous_is_change,
        lag(amount_paid) over customer_walk as previous_amount_paid,
        lag(list_price) over customer_walk as previous_list_price,
        -- only tells whether a row is the last one before a cut-off; never a feature
        lead(transacted_on) over customer_walk as next_transacted_on
    from {{ ref('stg_subscription__periods') }}
    window customer_walk as (
        partition by domain, customer_id
        order by {{ walk_order() }}
    )
),

final as (
    {{ periods_measured('ordered') }}
)

select * from final
