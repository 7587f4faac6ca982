{{ config(materialized='table') }}
-- One row per customer and cut-off: the contract that ml reads. The spine, then every feature that
-- the YAML describes, in its order.
with

features as (
    select * from {{ ref('int_ecommerce__features_joined') }}
),

labels as (
    select * from {{ ref('ecommerce__labels') }}
    where label_definition = '{{ domain_setting('ecommerce', 'label_definition') }}'
),

final as (
    select
        'ecommerce' as domain,
        features.customer_id,
        features.as_of_date,
        features.due_on,
        {{ add_days('features.as_of_date', domain_setting('ecommerce', 'horizon_days')) }}
            as label_known_on,
        labels.is_churned,
        features.customer_value,
        features.{{ feature_names('ecommerce') | join(',\n        features.') }}
    from features
    left join labels
        on
            features.customer_id = labels.customer_id
            and features.as_of_date = labels.as_of_date
)

select * from final
