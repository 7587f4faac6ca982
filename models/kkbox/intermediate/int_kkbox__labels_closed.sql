-- One row per label definition, member and cut-off as the raw data have it today. A cohort closes
-- whole: the outcome is null until the last of its outcomes is fully observed.
with

knowledge as (
    select known_before from {{ ref('control__knowledge') }}
    where domain = 'kkbox'
),

derived as (
    select * from {{ ref('int_kkbox__lapse_labels_derived') }}
    union all
    select * from {{ ref('int_kkbox__kaggle_rule_labels_derived') }}
),

cohort_ends as (
    select
        label_definition,
        as_of_date,
        max(label_known_on) as closes_on
    from derived
    group by all
),

closed as (
    select
        derived.customer_id,
        derived.as_of_date,
        derived.label_definition,
        derived.expires_on,
        derived.label_known_on,
        case when cohort_ends.closes_on <= knowledge.known_before then derived.is_churned end
            as is_churned
    from derived
    inner join cohort_ends
        on
            derived.label_definition = cohort_ends.label_definition
            and derived.as_of_date = cohort_ends.as_of_date
    cross join knowledge
),

-- The file itself is the outcome: it is there or it is not.
supplied as (
    select * from {{ ref('int_kkbox__supplied_labels_matched') }}
),

unioned as (
    select * from closed
    union all
    select * from supplied
)

select * from unioned
