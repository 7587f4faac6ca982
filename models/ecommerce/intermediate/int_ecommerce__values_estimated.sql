-- One row per customer and cut-off: what is at stake, before margin: own revenue a day over the
-- last year, times the value days of the domain. A customer of less than 30 days is taken as one of
-- 30, so that one large first order is not a daily habit. Null where the files hold no price.
{%- set value_days = domain_setting('ecommerce', 'value_days') %}
with

orders as (
    select * from {{ ref('int_ecommerce__orders_summarised') }}
),

valued as (
    select
        customer_id,
        as_of_date,
        case
            when amount_cents is not null
                then {{ exact_ratio(
                    'amount_cents_365d * ' ~ value_days,
                    '100 * least(greatest(days_since_first, 30), 365)'
                ) }}
        end as customer_value
    from orders
)

select * from valued
