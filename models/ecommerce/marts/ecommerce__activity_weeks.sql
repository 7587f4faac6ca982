{{ config(materialized='table') }}
-- One row per customer of the scoring cohort and week before the cut-off: what the customer did. A
-- week without anything is 0; one that the log does not cover is null.
with

weeks as (
    {{ weeks_before('ecommerce') }}
),

cohort as (
    select
        customer_id,
        as_of_date
    from {{ ref('int_ecommerce__customers_eligible') }}
    where as_of_date in (select weeks.as_of_date from weeks)
),

days_in_week as (
    {{ number_series(0, 6, 'day_of_week') }}
),

days as (
    select
        weeks.weeks_before,
        {{ add_days('weeks.week_starts_on', 'days_in_week.day_of_week') }} as day
    from weeks
    cross join days_in_week
),

visits as (
    select
        events.customer_id,
        days.weeks_before,
        count(distinct events.happened_on) as active_days,
        count(*) filter (where events.event_type = 'view') as views
    from {{ ref('stg_ecommerce__events') }} as events
    inner join days on events.happened_on = days.day
    where events.customer_id in (select cohort.customer_id from cohort)
    group by all
),

orders as (
    select
        orders_placed.customer_id,
        days.weeks_before,
        count(*) as orders,
        cast(sum(orders_placed.amount_cents) as bigint) as amount_cents,
        count(orders_placed.amount_cents) as priced_orders
    from {{ ref('int_ecommerce__orders_placed') }} as orders_placed
    inner join days on orders_placed.ordered_on = days.day
    where orders_placed.customer_id in (select cohort.customer_id from cohort)
    group by all
),

coverage as (
    select * from {{ ref('control__coverage') }}
    where domain = 'ecommerce'
),

final as (
    select
        'ecommerce' as domain,
        cohort.customer_id,
        cohort.as_of_date,
        weeks.weeks_before,
        weeks.week_starts_on,
        case
            when {{ is_week_covered('ecommerce', 'views_covered', 'weeks') }}
                then coalesce(visits.active_days, 0)
        end as active_days,
        case
            when {{ is_week_covered('ecommerce', 'views_covered', 'weeks') }}
                then cast(coalesce(visits.views, 0) as double)
        end as usage_amount,
        case
            when {{ is_week_covered('ecommerce', 'orders_covered', 'weeks') }}
                then coalesce(orders.orders, 0)
        end as transactions,
        -- orders without any price have no amount; a week without orders has 0
        case
            when
                {{ is_week_covered('ecommerce', 'orders_covered', 'weeks') }}
                and (orders.orders is null or orders.priced_orders > 0)
                then coalesce(orders.amount_cents, 0) / 100.0
        end as transaction_amount
    from cohort
    inner join weeks on cohort.as_of_date = weeks.as_of_date
    left join visits
        on
            cohort.customer_id = visits.customer_id
            and weeks.weeks_before = visits.weeks_before
    left join orders
        on
            cohort.customer_id = orders.customer_id
            and weeks.weeks_before = orders.weeks_before
    left join coverage as views_covered
        on
            weeks.as_of_date = views_covered.as_of_date
            and views_covered.table_name = '{{ domain_setting('ecommerce', 'covered_by').visits }}'
    left join coverage as orders_covered
        on
            weeks.as_of_date = orders_covered.as_of_date
            and orders_covered.table_name = '{{ domain_setting('ecommerce', 'covered_by').orders }}'
)

select * from final
