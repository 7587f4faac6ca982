-- One row per customer and cut-off: the calendar__ features: season, what the customer ordered on
-- the same days a year before, and own habits of hour and weekday.
with

orders as (
    select * from {{ ref('int_no_contract__orders_summarised') }}
),

windows as (
    {{ windows_filled(ref('stg_no_contract__settings'), 'orders_table', {
        'is_horizon_covered': (365, 'horizon'),
        'is_quarter_covered': (455, 365),
    }) }}
),

revenue as (
    select * from {{ ref('int_no_contract__revenue_summarised') }}
),

featured as (
    select
        orders.domain,
        orders.customer_id,
        orders.as_of_date,

        -- season
        {{ month_of('orders.as_of_date') }} as calendar__month,
        {{ when_covered(
            'windows.is_horizon_covered', 'cast(orders.orders_horizon_last_year as bigint)'
        ) }} as calendar__orders_horizon_last_year,
        {{ when_covered(
            'windows.is_horizon_covered and revenue.revenue_cents is not null',
            exact_ratio('revenue.revenue_cents_horizon_last_year', 100)
        ) }} as calendar__amount_horizon_last_year,
        {{ when_covered(
            'windows.is_quarter_covered', 'cast(orders.orders_90d_last_year as bigint)'
        ) }} as calendar__orders_90d_last_year,
        {{ exact_ratio('orders.november_december_orders', 'orders.orders') }}
            as calendar__november_december_share,

        -- habits
        {{ exact_ratio('orders.weekend_orders', 'orders.orders') }} as calendar__weekend_share,
        {{ exact_ratio('orders.night_orders', 'orders.orders') }} as calendar__night_share,
        {{ exact_ratio('orders.morning_orders', 'orders.orders') }} as calendar__morning_share,
        {{ exact_ratio('orders.evening_orders', 'orders.orders') }} as calendar__evening_share
    from orders
    left join windows
        on
            orders.domain = windows.domain
            and orders.as_of_date = windows.as_of_date
    left join revenue
        on
            orders.domain = revenue.domain
            and orders.customer_id = revenue.customer_id
            and orders.as_of_date = revenue.as_of_date
)

select * from featured
