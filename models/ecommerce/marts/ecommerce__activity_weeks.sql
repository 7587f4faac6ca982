{{ config(materialized='table') }}
-- One row per customer of the scoring cohort and week before the cut-off: what the customer did. A
-- week without anything is 0; one that the log does not cover is null.
{%- set covered_by = domain_setting('ecommerce', 'covered_by') %}
{%- set are_views_covered = is_week_covered('ecommerce', 'views_covered', 'weeks') %}
{%- set are_orders_covered = is_week_covered('ecommerce', 'orders_covered', 'weeks') %}
with

weeks as (
    {{ weeks_before('ecommerce') }}
),

cohort as (
    select
        customer_id,
        as_of_date
    from {{ ref('int_ecommerce__cohorts_selected') }}
    where as_of_date in (select weeks.as_of_date from weeks)
),

days as (
    {{ days_of_weeks('weeks') }}
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
        {{ when_covered(are_views_covered, 'coalesce(visits.active_days, 0)') }} as active_days,
        {{ when_covered(are_views_covered, 'cast(coalesce(visits.views, 0) as double)') }}
            as usage_amount,
        {{ when_covered(are_orders_covered, 'coalesce(orders.orders, 0)') }} as transactions,
        -- orders without any price have no amount; a week without orders has 0
        {{ when_covered(
            are_orders_covered ~ ' and (orders.orders is null or orders.priced_orders > 0)',
            'coalesce(orders.amount_cents, 0) / 100.0'
        ) }} as transaction_amount
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
            and views_covered.table_name = '{{ covered_by.visits }}'
    left join coverage as orders_covered
        on
            weeks.as_of_date = orders_covered.as_of_date
            and orders_covered.table_name = '{{ covered_by.orders }}'
)

select * from final
