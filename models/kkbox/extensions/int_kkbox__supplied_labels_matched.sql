-- One row per member and cut-off with a label that came with the files; the expiry where the
-- member is in the derived cohort too.
with

supplied as (
    select * from {{ ref('stg_kkbox__supplied_labels') }}
),

cohort as (
    select
        {{ known_customer('customer_id') }} as customer_id,
        as_of_date,
        expires_on
    from {{ ref('int_subscription__cohorts_selected') }}
    where domain = 'kkbox'
),

labelled as (
    select
        supplied.customer_id,
        supplied.as_of_date,
        'supplied' as label_definition,
        cohort.expires_on,
        {{ kkbox_label_known_on('supplied', 'cohort.expires_on', 'supplied.as_of_date') }}
            as label_known_on,
        supplied.is_churned
    from supplied
    left join cohort
        on
            supplied.customer_id = cohort.customer_id
            and supplied.as_of_date = cohort.as_of_date
)

select * from labelled
