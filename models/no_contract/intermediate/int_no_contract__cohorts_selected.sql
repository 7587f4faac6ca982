{{ config(materialized='table') }}
-- One row per customer and cut-off D in the cohort: at least min_orders orders in the two years
-- before D, and one of them in [D - lookback_days, D). An order that was fully returned before D is
-- not one. Those with fewer are not scored; what is older is forgotten, so that a new cut-off reads
-- a bounded past.
{%- set memory_days = 730 %}
with

settings as (
    select * from {{ ref('stg_no_contract__settings') }}
),

cut_offs as (
    select
        cut_offs.domain,
        cut_offs.as_of_date,
        settings.min_orders,
        {{ add_days('cut_offs.as_of_date', '-settings.lookback_days') }} as active_from
    from {{ ref('control__cut_offs') }} as cut_offs
    inner join settings on cut_offs.domain = settings.domain
),

cohort as (
    select
        orders.domain,
        orders.customer_id,
        cut_offs.as_of_date
    from cut_offs
    inner join {{ ref('int_no_contract__orders_placed') }} as orders
        on
            cut_offs.domain = orders.domain
            and cut_offs.as_of_date > orders.ordered_on
            and {{ add_days('cut_offs.as_of_date', -memory_days) }} <= orders.ordered_on
            and not coalesce(cut_offs.as_of_date > orders.returned_on, false)
    group by orders.domain, orders.customer_id, cut_offs.as_of_date
    having
        count(*) >= max(cut_offs.min_orders)
        and max(orders.ordered_on) >= max(cut_offs.active_from)
),

final as (
    {{ cohort_as_known('cohort') }}
)

select * from final
