{{ config(materialized='table') }}
-- One row per cut-off, customer of its cohort and day with an order in the two years before it: the
-- day's orders that were not returned before the cut-off, and the days since the customer's order
-- day before.
{%- set memory_days = 730 %}
with

cohort as (
    select * from {{ ref('int_no_contract__cohorts_narrowed') }}
),

orders as (
    select
        *,
        extract(hour from ordered_at) as hour_of_day
    from {{ ref('int_no_contract__orders_placed') }}
),

days as (
    select
        domain,
        customer_id,
        ordered_on,
        returned_on,
        count(*) as orders,
        count(amount_cents) as priced_orders,
        cast(sum(units) as bigint) as units,
        cast(sum(amount_cents) as bigint) as amount_cents,
        {{ exact_sum(exact_square('amount_cents'), digits=38) }} as amount_cents_squared,
        max(amount_cents) as largest_amount_cents,
        count(*) filter (where hour_of_day < 6) as night_orders,
        count(*) filter (where hour_of_day between 6 and 11) as morning_orders,
        count(*) filter (where hour_of_day >= 18) as evening_orders,
        count(*) filter (where order_id = '') as sessionless_orders
    from orders
    group by domain, customer_id, ordered_on, returned_on
),

-- A day's orders are apart where some of them were returned.
past as (
    select
        cohort.domain,
        cohort.as_of_date,
        days.customer_id,
        days.ordered_on,
        {% for count in [
            'orders', 'priced_orders', 'units', 'amount_cents', 'night_orders', 'morning_orders',
            'evening_orders', 'sessionless_orders'
        ] -%}
        cast(sum(days.{{ count }}) as bigint) as {{ count }},
        {% endfor -%}
        {{ exact_sum('days.amount_cents_squared', digits=38) }} as amount_cents_squared,
        max(days.largest_amount_cents) as largest_amount_cents
    from cohort
    inner join days
        on
            cohort.domain = days.domain
            and cohort.customer_id = days.customer_id
            and cohort.as_of_date > days.ordered_on
            and {{ add_days('cohort.as_of_date', -memory_days) }} <= days.ordered_on
            and not coalesce(cohort.as_of_date > days.returned_on, false)
    group by cohort.domain, cohort.as_of_date, days.customer_id, days.ordered_on
),

dated as (
    select
        *,
        {{ days_between('ordered_on', 'as_of_date') }} as days_before,
        {{ month_of('ordered_on') }} as month_of_year,
        -- 2000-01-01 was a Saturday
        {{ days_between("date '2000-01-01'", 'ordered_on') }} % 7 < 2 as is_weekend
    from past
),

final as (
    select
        *,
        days_before = min(days_before) over (partition by domain, customer_id, as_of_date)
            as is_last_day,
        days_before = max(days_before) over (partition by domain, customer_id, as_of_date)
            as is_first_day,
        -- periods of 30 days, counted back from the cut-off and named after their last day
        days_before - (days_before - 1) % 30 as period_start,
        lag(days_before) over (
            partition by domain, customer_id, as_of_date
            order by ordered_on asc
        ) - days_before as gap_days
    from dated
)

select * from final
