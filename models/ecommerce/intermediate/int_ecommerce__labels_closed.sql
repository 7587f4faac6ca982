-- One row per customer and cut-off as the raw data have it today: churned when no order falls in
-- the horizon. A cohort closes whole.
with

knowledge as (
    select known_before from {{ ref('control__knowledge') }}
    where domain = 'ecommerce'
),

labelled as (
    {{ no_order_labels(
        cohort=ref('int_ecommerce__cohorts_selected'),
        orders=ref('int_ecommerce__orders_placed'),
        knowledge='knowledge',
        definition=domain_setting('ecommerce', 'label_definition'),
        horizon_days=domain_setting('ecommerce', 'horizon_days')
    ) }}
)

select * from labelled
