{{ config(materialized='table') }}
-- One row per domain, customer of the scoring cohort and week before the cut-off: what the customer
-- did. A week without anything is 0; one that the log does not cover is null.
{%- set are_views_covered = 'views_filled.weeks_before is not null' %}
{%- set are_orders_covered = 'orders_filled.weeks_before is not null' %}
{%- set are_amounts_known = are_orders_covered
    ~ ' and (orders.orders is null or orders.amount_cents is not null)' %}
with

weeks as (
    {{ weeks_of(ref('stg_no_contract__settings')) }}
),

cohort as (
    select
        domain,
        customer_id,
        as_of_date
    from {{ ref('int_no_contract__cohorts_selected') }}
    where
        (domain, as_of_date) in (
            select
                weeks.domain,
                weeks.as_of_date
            from weeks
        )
),

days as (
    {{ days_of_weeks('weeks') }}
),

visits as (
    select
        events.domain,
        events.customer_id,
        days.weeks_before,
        count(distinct events.happened_on) as active_days,
        count(*) filter (where events.event_type = 'view') as views
    from {{ ref('stg_no_contract__events') }} as events
    inner join days
        on
            events.domain = days.domain
            and events.happened_on = days.day
    where
        not events.is_refund  -- the business books it
        and events.customer_id in (select cohort.customer_id from cohort)
        -- one column filters the files fast
        and events.happened_on in (select reached.day from days as reached)
    group by events.domain, events.customer_id, days.weeks_before
),

scored as (
    select
        domain,
        max(as_of_date) as as_of_date
    from weeks
    group by domain
),

-- Orders not returned by then; the money of all of them, less what was given back on its own day.
booked as (
    select
        orders_placed.domain,
        orders_placed.customer_id,
        orders_placed.ordered_on as booked_on,
        case when scored.as_of_date > orders_placed.returned_on then 0 else 1 end as orders,
        orders_placed.amount_cents
    from {{ ref('int_no_contract__orders_placed') }} as orders_placed
    inner join scored on orders_placed.domain = scored.domain
    union all
    select
        domain,
        customer_id,
        refunded_on as booked_on,
        0 as orders,
        -amount_cents as amount_cents
    from {{ ref('int_no_contract__refunds_booked') }}
),

orders as (
    select
        booked.domain,
        booked.customer_id,
        days.weeks_before,
        sum(booked.orders) as orders,
        cast(sum(booked.amount_cents) as bigint) as amount_cents
    from booked
    inner join days
        on
            booked.domain = days.domain
            and booked.booked_on = days.day
    where
        (booked.domain, booked.customer_id) in (
            select
                cohort.domain,
                cohort.customer_id
            from cohort
        )
    group by booked.domain, booked.customer_id, days.weeks_before
),

views_filled as (
    {{ weeks_filled('weeks', ref('stg_no_contract__settings'), 'visits_table') }}
),

orders_filled as (
    {{ weeks_filled('weeks', ref('stg_no_contract__settings'), 'orders_table') }}
),

final as (
    select
        cohort.domain,
        {{ known_customer('cohort.customer_id') }} as customer_id,
        cohort.as_of_date,
        weeks.weeks_before,
        weeks.week_starts_on,
        {{ when_covered(are_views_covered, 'coalesce(visits.active_days, 0)') }} as active_days,
        {{ when_covered(are_views_covered, 'cast(coalesce(visits.views, 0) as double)') }}
            as usage_amount,
        {{ when_covered(are_orders_covered, 'cast(coalesce(orders.orders, 0) as bigint)') }}
            as transactions,
        -- orders without any price have no amount; a week without orders has 0
        {{ when_covered(are_amounts_known, 'coalesce(orders.amount_cents, 0) / 100.0') }}
            as transaction_amount
    from cohort
    inner join weeks
        on
            cohort.domain = weeks.domain
            and cohort.as_of_date = weeks.as_of_date
    left join visits
        on
            cohort.domain = visits.domain
            and cohort.customer_id = visits.customer_id
            and weeks.weeks_before = visits.weeks_before
    left join orders
        on
            cohort.domain = orders.domain
            and cohort.customer_id = orders.customer_id
            and weeks.weeks_before = orders.weeks_before
    left join views_filled
        on
            weeks.domain = views_filled.domain
            and weeks.as_of_date = views_filled.as_of_date
            and weeks.weeks_before = views_filled.weeks_before
    left join orders_filled
        on
            weeks.domain = orders_filled.domain
            and weeks.as_of_date = orders_filled.as_of_date
            and weeks.weeks_before = orders_filled.weeks_before
)

select * from final
