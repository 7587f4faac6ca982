{{ config(materialized='table') }}
-- One row per customer, day, session and product that money was given back for: the units and the
-- cents. Only days that some cut-off's memory or horizon reaches are read.
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

booked as (
    select
        customer_id,
        happened_on as refunded_on,
        session_id,
        product_id,
        cast(sum(units) as bigint) as units,
        cast(sum(amount_cents) as bigint) as amount_cents,
        count(amount_cents) = count(*) as is_priced
    from {{ ref('stg_ecommerce__events') }}
    where
        event_type in ('purchase', 'refund')
        and is_refund
        and happened_on in (select days.day from days)
    group by all
)

select * from booked
