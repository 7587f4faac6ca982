-- One row per customer and cut-off as the raw data have it today: churned when no order falls in
-- the horizon. A cohort closes whole, and not where days are missing without a reason.
with

knowledge as (
    select known_before from {{ ref('control__knowledge') }}
    where domain = 'ecommerce'
),

holes as (
    select * from {{ ref('control__outcome_holes') }}
    where domain = 'ecommerce'
),

cohort as (
    {{ with_outcome_history(
        'ecommerce',
        ref('int_ecommerce__cohorts_selected'),
        add_days('cohort.as_of_date', domain_setting('ecommerce', 'horizon_days'))
    ) }}
),

labelled as (
    {{ no_order_labels(
        cohort='cohort',
        orders=ref('int_ecommerce__orders_placed'),
        knowledge='knowledge',
        holes='holes',
        definition=domain_setting('ecommerce', 'label_definition'),
        horizon_days=domain_setting('ecommerce', 'horizon_days')
    ) }}
)

select * from labelled
