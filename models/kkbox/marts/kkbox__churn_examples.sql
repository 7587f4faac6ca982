{{ config(materialized='table') }}
-- One row per member and cut-off: the contract that ml reads. The spine, then every feature that
-- the YAML describes, in its order.
{%- set label_definition = domain_setting('kkbox', 'label_definition') %}
with

features as (
    select * from {{ ref('int_kkbox__features_joined') }}
),

labels as (
    select * from {{ ref('kkbox__labels') }}
    where label_definition = '{{ label_definition }}'
),

final as (
    select
        'kkbox' as domain,
        features.customer_id,
        features.as_of_date,
        features.due_on,
        {{ kkbox_label_known_on(label_definition, 'features.due_on', 'features.as_of_date') }}
            as label_known_on,
        labels.is_churned,
        features.customer_value,
        features.{{ feature_names('kkbox') | join(',\n        features.') }}
    from features
    left join labels
        on
            features.customer_id = labels.customer_id
            and features.as_of_date = labels.as_of_date
)

select * from final
