{{ config(materialized='table') }}
-- One row per customer and cut-off in the cohort: enough orders before the cut-off, and a recent
-- one. One-time buyers below min_orders are not scored.
with

cut_offs as (
    select as_of_date from {{ ref('control__cut_offs') }}
    where domain = 'ecommerce'
),

cohort as (
    {{ no_order_cohort(
        orders=ref('int_ecommerce__orders_placed'),
        cut_offs='cut_offs',
        min_orders=domain_setting('ecommerce', 'min_orders'),
        lookback_days=domain_setting('ecommerce', 'lookback_days')
    ) }}
),

final as (
    {{ as_known_then('ecommerce', 'cohort') }}
)

select * from final
