{{ config(materialized=correction_materialized('ecommerce', 'events_categories_joined')) }}
-- One row per event: since categories were remapped, a product that the customer had met before has
-- the department that it had then.
with

events as (
    select * from {{ uncorrected('ecommerce', 'events', 'events_categories_joined') }}
),

remapped as (
    select min(started_on) as started_on
    from {{ ref('ecommerce_log_changes') }}
    where kind = 'categories_remapped'
),

-- only products that the customer met under one department
before as (
    select
        events.customer_id,
        events.product_id,
        max(events.department) as department_before
    from events
    inner join remapped on events.happened_on < remapped.started_on
    where
        events.department is not null
        and events.product_id is not null
    group by events.customer_id, events.product_id
    having count(distinct events.department) = 1
),

judged as (
    select
        events.*,
        before.department_before,
        coalesce(
            events.happened_on >= remapped.started_on
            and before.department_before is distinct from events.department
            and before.department_before is not null,
            false
        ) as is_wrong
    from events
    cross join remapped
    left join before
        on
            events.customer_id = before.customer_id
            and events.product_id = before.product_id
),

corrected as (
    select
        customer_id,
        session_id,
        happened_on,
        happened_at,
        event_type,
        product_id,
        case when is_wrong then department_before else department end as department,
        is_category_unknown and not is_wrong as is_category_unknown,
        is_price_zero,
        is_refund,
        is_wrong or is_inferred as is_inferred,
        case when is_wrong then 'events_categories_joined' else correction end as correction
    from judged
)

select * from corrected
