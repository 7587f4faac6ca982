{{ config(materialized='table') }}
-- One row per label definition and cut-off whose outcomes a hole with a reason touches: how many of
-- them it could have turned.
with

labels as (
    select * from {{ ref('int_subscription__labels_closed') }}
    where label_definition != 'supplied'
),

payments as (
    select distinct
        domain,
        {{ known_customer('customer_id') }} as customer_id,
        transacted_on as day
    from {{ ref('int_subscription__periods_ordered') }}
    where
        not is_cancel
        and not is_change
),

holes as (
    select
        holes.domain,
        holes.day
    from {{ ref('control__holes') }} as holes
    inner join {{ ref('control__grids') }} as grids
        on
            holes.domain = grids.domain
            and holes.table_name = grids.anchor_table
    where holes.reason is not null
),

final as (
    {{ outcomes_doubted('labels', 'payments', 'holes') }}
)

select * from final
