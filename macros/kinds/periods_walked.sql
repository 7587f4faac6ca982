{#- The changes of memberships in the order of their days, beside what held before them. Exact
    duplicates are numbered too, so the order is total up to rows that do not differ.
    relation  of the staged shape `periods` of the kind -#}
{% macro periods_walked(relation) -%}
with

periods as (
    select
        *,
        expires_on < transacted_on as is_expiry_before_transaction,
        coalesce(plan_days = 0, false) as is_zero_plan_days,
        coalesce(amount_paid = 0, false) as is_zero_paid
    from {{ relation }}
),

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
    from periods
    window customer_walk as (
        partition by domain, customer_id
        order by {{ walk_order() }}
    )
),

measured as (
    select
        *,
        -- an expiry of 1970 is not one to measure a gap from
        case
            when not is_cancel and not is_change and not is_previous_expiry_ancient
                then {{ days_between('previous_expires_on', 'transacted_on') }}
        end as renewal_gap_days,
        coalesce(
            transacted_on = previous_transacted_on
            and expires_on = previous_expires_on
            and plan_days is not distinct from previous_plan_days
            and payment_method is not distinct from previous_payment_method
            and is_auto_renew = previous_is_auto_renew
            and is_cancel = previous_is_cancel
            and is_change = previous_is_change
            and amount_paid is not distinct from previous_amount_paid
            and list_price is not distinct from previous_list_price,
            false
        ) as is_duplicate
    from ordered
)

select * from measured
{%- endmacro %}
