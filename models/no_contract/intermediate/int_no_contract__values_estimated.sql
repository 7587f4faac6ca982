-- One row per customer and cut-off: what is at stake, before margin: own revenue a day over the
-- last year, net of refunds, times the value days of the domain. A customer of less than 30 days is
-- taken as one of 30, so that one large first order is not a daily habit. Null where the files hold
-- no price; never below 0, where refunds of older orders exceed the year's.
with

settings as (
    select * from {{ ref('stg_no_contract__settings') }}
),

orders as (
    select * from {{ ref('int_no_contract__orders_summarised') }}
),

revenue as (
    select * from {{ ref('int_no_contract__revenue_summarised') }}
),

valued as (
    select
        orders.domain,
        orders.customer_id,
        orders.as_of_date,
        case
            -- greatest passes over nulls
            when revenue.revenue_cents is not null and revenue.revenue_cents_365d is not null
                then {{ exact_ratio(
                    'greatest(revenue.revenue_cents_365d, 0) * settings.value_days',
                    '100 * least(greatest(orders.days_since_first, 30), 365)'
                ) }}
        end as customer_value
    from orders
    inner join settings on orders.domain = settings.domain
    left join revenue
        on
            orders.domain = revenue.domain
            and orders.customer_id = revenue.customer_id
            and orders.as_of_date = revenue.as_of_date
)

select * from valued
