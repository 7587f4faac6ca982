-- One row per customer and cut-off: the orders__ features, recency, frequency and money. A window
-- the purchases do not cover is null.
with

settings as (
    select * from {{ ref('stg_no_contract__settings') }}
),

orders as (
    select * from {{ ref('int_no_contract__orders_summarised') }}
),

windows as (
    {{ windows_filled(ref('stg_no_contract__settings'), 'orders_table', {
        'is_covered_30d': (30, 0),
        'is_covered_60d': (60, 0),
        'is_covered_90d': (90, 0),
        'is_covered_180d': (180, 0),
        'is_covered_365d': (365, 0),
    }) }}
),

revenue as (
    select * from {{ ref('int_no_contract__revenue_summarised') }}
),

last_orders as (
    select
        orders.domain,
        orders.customer_id,
        orders.as_of_date,
        {{ add_days('orders.as_of_date', '1 - orders.days_since_last') }} as day_after,
        settings.orders_table
    from orders
    inner join settings on orders.domain = settings.domain
),

-- Days without purchases for anybody say nothing about this customer.
outages_since_order as (
    select
        last_orders.domain,
        last_orders.customer_id,
        last_orders.as_of_date,
        greatest(outages.started_on, last_orders.day_after) as starts_on,
        least(outages.ended_on, last_orders.as_of_date) as ends_before
    from last_orders
    inner join {{ ref('feed_outages') }} as outages
        on
            last_orders.domain = outages.domain
            and last_orders.orders_table = outages.table_name
            and last_orders.as_of_date > outages.started_on
),

outage_days as (
    select
        domain,
        customer_id,
        as_of_date,
        sum(greatest({{ days_between('starts_on', 'ends_before') }}, 0)) as outage_days
    from outages_since_order
    group by domain, customer_id, as_of_date
),

featured as (
    select
        orders.domain,
        orders.customer_id,
        orders.as_of_date,

        -- recency
        orders.days_since_last as orders__days_since_last,
        cast(coalesce(outage_days.outage_days, 0) as bigint) as orders__outage_days_since_last,

        -- frequency
        cast(orders.orders as bigint) as orders__orders,
        orders.order_days as orders__order_days,
        {% for window in ['30d', '60d', '90d', '180d', '365d'] -%}
        {{ when_covered(
            'windows.is_covered_' ~ window, 'cast(orders.orders_' ~ window ~ ' as bigint)'
        ) }} as orders__orders_{{ window }},
        {% endfor -%}
        {{ when_covered(
            'windows.is_covered_180d', 'cast(orders.orders_90d - orders.orders_91_180d as bigint)'
        ) }} as orders__orders_change_90d,
        cast(orders.last_day_orders as bigint) as orders__orders_on_last_day,

        -- money, net of refunds; null where the files hold no price
        {{ exact_ratio('revenue.revenue_cents', 100) }} as orders__amount,
        {% for window in ['30d', '90d', '365d'] -%}
        {{ when_covered(
            'windows.is_covered_' ~ window ~ ' and revenue.revenue_cents is not null',
            exact_ratio('revenue.revenue_cents_' ~ window, 100)
        ) }} as orders__amount_{{ window }},
        {% endfor -%}
        {{ when_covered(
            'windows.is_covered_180d and revenue.revenue_cents is not null',
            exact_ratio('revenue.revenue_cents_90d - revenue.revenue_cents_91_180d', 100)
        ) }} as orders__amount_change_90d,
        {{ exact_ratio('revenue.revenue_cents', '100 * orders.priced_orders') }}
            as orders__amount_per_order,

        -- amounts at which orders were placed
        {{ exact_ratio('orders.last_amount_cents', 100) }} as orders__last_amount,
        {{ exact_ratio('orders.last_amount_cents * orders.priced_days', 'orders.amount_cents') }}
            as orders__last_amount_to_own_mean,
        {{ exact_ratio('orders.largest_amount_cents', 100) }} as orders__largest_amount,
        {{ exact_stddev(
            'orders.priced_orders', 'orders.amount_cents', 'orders.amount_cents_squared'
        ) }} / 100 as orders__amount_spread
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
    left join outage_days
        on
            orders.domain = outage_days.domain
            and orders.customer_id = outage_days.customer_id
            and orders.as_of_date = outage_days.as_of_date
)

select * from featured
