{{ config(materialized='table') }}
-- One row per member and cut-off: the contract that ml reads.
{{ churn_examples(
    'kkbox',
    label_known_on=kkbox_label_known_on(
        domain_setting('kkbox', 'label_definition'), 'features.due_on', 'features.as_of_date'
    )
) }}
