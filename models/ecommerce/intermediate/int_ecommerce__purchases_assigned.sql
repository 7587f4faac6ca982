{{ config(materialized='table') }}
-- One row per purchase, with the order it belongs to: customer, UTC day and session. A session may
-- live for weeks, and cut-offs are midnights, so an order never straddles one. A purchase without a
-- session belongs to the day's order, if there is one; those of a day without any session are one
-- order. Only days that some cut-off's memory or horizon reaches are read.
{%- set memory_days = 730 %}
{%- set horizon_days = domain_setting('ecommerce', 'horizon_days') %}
with

cut_offs as (
    select as_of_date from {{ ref('control__cut_offs') }}
    where domain = 'ecommerce'
),

days_in_reach as (
    {{ number_series(1 - horizon_days, memory_days, 'days_before') }}
),

days as (
    select distinct {{ add_days('cut_offs.as_of_date', '-days_in_reach.days_before') }} as day
    from cut_offs
    cross join days_in_reach
),

assigned as (
    select
        customer_id,
        happened_on as ordered_on,
        coalesce(
            session_id,
            min(session_id) over (partition by customer_id, happened_on),
            ''
        ) as session_id,
        happened_at,
        product_id,
        department,
        brand,
        units,
        price_cents,
        amount_cents,
        is_category_unknown,
        is_brand_unknown
    from {{ ref('stg_ecommerce__events') }}
    where
        event_type = 'purchase'
        and not is_refund
        and happened_on in (select days.day from days)
)

select * from assigned
