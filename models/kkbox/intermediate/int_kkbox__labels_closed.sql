-- One row per label definition, member and cut-off as the raw data have it today. A cohort closes
-- whole: the outcome is null until the last of its outcomes is fully observed, and where days are
-- missing without a reason.
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

holes as (
    select * from {{ ref('control__outcome_holes') }}
    where domain = 'kkbox'
),

cohort_ends as (
    select
        label_definition,
        as_of_date,
        max(label_known_on) as closes_on
    from derived
    group by all
),

cohorts as (
    select
        cohort_ends.label_definition,
        cohort_ends.as_of_date,
        cohort_ends.closes_on <= max(knowledge.known_before) and count(holes.day) = 0 as is_closed
    from cohort_ends
    cross join knowledge
    left join holes
        on {{ is_touched('holes', 'cohort_ends.as_of_date', 'cohort_ends.closes_on') }}
    group by cohort_ends.label_definition, cohort_ends.as_of_date, cohort_ends.closes_on
),

closed as (
    select
        {{ known_customer('derived.customer_id') }} as customer_id,
        derived.as_of_date,
        derived.label_definition,
        derived.expires_on,
        derived.label_known_on,
        case when cohorts.is_closed then derived.is_churned end as is_churned
    from derived
    inner join cohorts
        on
            derived.label_definition = cohorts.label_definition
            and derived.as_of_date = cohorts.as_of_date
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
