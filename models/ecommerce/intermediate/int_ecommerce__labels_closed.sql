-- One row per customer and cut-off as the raw data have it today: churned when no order falls in
-- the horizon. A cohort closes whole.
{{ no_order_labels(
    cohort=ref('int_ecommerce__customers_eligible'),
    orders=ref('int_ecommerce__orders_placed'),
    knowledge=source('ecommerce_control', 'knowledge'),
    definition=domain_setting('ecommerce', 'label_definition'),
    horizon_days=domain_setting('ecommerce', 'horizon_days')
) }}
