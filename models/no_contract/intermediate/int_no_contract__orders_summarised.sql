{{ config(materialized='table') }}
-- One row per customer and cut-off: what the order days of the two years before it say, as exact
-- integers. The amounts are those at which the orders were placed, null where the files hold no
-- price; what came in is int_no_contract__revenue_summarised.
{%- set long_gap_days = 60 %}
{%- set windows = {
    '30d': '<= 30',
    '60d': '<= 60',
    '90d': '<= 90',
    '180d': '<= 180',
    '365d': '<= 365',
    '91_180d': 'between 91 and 180',
    '90d_last_year': 'between 366 and 455',
    'horizon_last_year': 'between 366 - settings.horizon_days and 365',
} %}
with

settings as (
    select * from {{ ref('stg_no_contract__settings') }}
),

days as (
    select * from {{ ref('int_no_contract__order_days_aggregated') }}
),

summarised as (
    select
        days.domain,
        days.customer_id,
        days.as_of_date,

        -- recency, frequency, money
        min(days_before) as days_since_last,
        max(days_before) as days_since_first,
        count(*) as order_days,
        {{ exact_sum('orders') }} as orders,
        {{ exact_sum('priced_orders') }} as priced_orders,
        count(amount_cents) as priced_days,
        {{ exact_sum('units') }} as units,
        {{ exact_sum('amount_cents') }} as amount_cents,
        {{ exact_sum('amount_cents_squared', digits=38) }} as amount_cents_squared,
        max(largest_amount_cents) as largest_amount_cents,
        {% for name, days_before in windows.items() -%}
        coalesce({{ exact_sum('orders', where='days_before ' ~ days_before) }}, 0)
            as orders_{{ name }},
        {% endfor -%}
        count(distinct period_start) filter (where days_before <= 360) as active_periods_360d,
        max(orders) filter (where is_last_day) as last_day_orders,
        max(units) filter (where is_last_day) as last_units,
        max(amount_cents) filter (where is_last_day) as last_amount_cents,
        max(amount_cents) filter (where is_first_day) as first_amount_cents,
        max(month_of_year) filter (where is_first_day) as first_order_month,

        -- own rhythm
        count(gap_days) as gaps,
        {{ exact_sum('gap_days') }} as gap_sum,
        {{ exact_sum(exact_square('gap_days'), digits=38) }} as gap_square_sum,
        max(gap_days) as largest_gap,
        min(gap_days) as smallest_gap,
        max_by(gap_days, ordered_on) filter (where gap_days is not null) as last_gap,
        min_by(gap_days, ordered_on) filter (where gap_days is not null) as first_gap,
        count(*) filter (where gap_days > {{ long_gap_days }}) as long_gaps,

        -- habits
        {% for habit in ['night', 'morning', 'evening', 'sessionless'] -%}
        {{ exact_sum(habit ~ '_orders') }} as {{ habit }}_orders,
        {% endfor -%}
        coalesce({{ exact_sum('orders', where='is_weekend') }}, 0) as weekend_orders,
        coalesce({{ exact_sum('orders', where='month_of_year in (11, 12)') }}, 0)
            as november_december_orders
    from days
    inner join settings on days.domain = settings.domain
    group by days.domain, days.customer_id, days.as_of_date
)

select * from summarised
