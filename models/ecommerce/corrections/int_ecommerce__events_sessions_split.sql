{{ config(materialized=correction_materialized('ecommerce', 'events_sessions_split')) }}
-- One row per event: a session ends after half an hour without an event.
-- What follows is another one.
with

events as (
    select * from {{ uncorrected('ecommerce', 'events', 'events_sessions_split') }}
),

followed as (
    select
        *,
        lag(happened_at) over session_walk as previous_happened_at
    from events
    window session_walk as (
        partition by customer_id, session_id
        order by happened_at, event_type, product_id nulls last
    )
),

counted as (
    select
        *,
        count(*) filter (where happened_at > previous_happened_at + interval 30 minute) over (
            partition by customer_id, session_id
            order by happened_at, event_type, product_id nulls last
            rows between unbounded preceding and current row
        ) as pauses
    from followed
),

judged as (
    select
        *,
        session_id is not null and pauses > 0 as is_wrong
    from counted
),

corrected as (
    select
        customer_id,
        case
            when is_wrong then session_id || '.' || cast(pauses as string)
            else session_id
        end as session_id,
        happened_on,
        happened_at,
        event_type,
        product_id,
        department,
        is_category_unknown,
        is_price_zero,
        is_refund,
        is_wrong or is_inferred as is_inferred,
        case when is_wrong then 'events_sessions_split' else correction end as correction
    from judged
)

select * from corrected
