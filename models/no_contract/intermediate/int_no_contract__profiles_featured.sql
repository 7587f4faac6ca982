-- One row per customer and cut-off: the profile__ features, who the customer is by their first
-- orders and by what the log knows of them. Events only; nothing rests on a snapshot.
with

orders as (
    select * from {{ ref('int_no_contract__orders_summarised') }}
),

featured as (
    select
        domain,
        customer_id,
        as_of_date,
        days_since_first as profile__tenure_days,
        order_days = 1 as profile__is_one_day_customer,
        {{ exact_ratio('first_amount_cents', 100) }} as profile__first_amount,
        {{ exact_ratio('last_amount_cents', 'first_amount_cents') }}
            as profile__last_to_first_amount,
        cast(first_gap as bigint) as profile__days_to_second_order,
        first_order_month in (11, 12) as profile__is_first_order_in_november_december,
        {{ exact_ratio('sessionless_orders', 'orders') }} as profile__session_unknown_share
    from orders
)

select * from featured
