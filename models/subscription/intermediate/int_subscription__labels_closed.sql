{{ config(materialized='table') }}
-- One row per label definition, customer and cut-off as the raw data have it today. A cohort closes
-- whole: the outcome is null until the last of its outcomes is fully observed, and where days are
-- missing without a reason.
with

derived as (
    select * from {{ ref('int_subscription__lapse_labels_derived') }}
    union all
    select * from {{ ref('stg_subscription__derived_labels') }}
),

cohort_ends as (
    select
        domain,
        label_definition,
        as_of_date,
        max(label_known_on) as closes_on
    from derived
    group by domain, label_definition, as_of_date
),

cohorts as (
    select
        cohort_ends.domain,
        cohort_ends.label_definition,
        cohort_ends.as_of_date,
        cohort_ends.closes_on <= max(knowledge.known_before) and count(holes.day) = 0 as is_closed
    from cohort_ends
    inner join {{ ref('control__knowledge') }} as knowledge
        on cohort_ends.domain = knowledge.domain
    left join {{ ref('control__outcome_holes') }} as holes
        on
            cohort_ends.domain = holes.domain
            and {{ is_touched('holes', 'cohort_ends.as_of_date', 'cohort_ends.closes_on') }}
    group by
        cohort_ends.domain,
        cohort_ends.label_definition,
        cohort_ends.as_of_date,
        cohort_ends.closes_on
),

closed as (
    select
        derived.domain,
        {{ known_customer('derived.customer_id') }} as customer_id,
        derived.as_of_date,
        derived.label_definition,
        derived.expires_on,
        derived.label_known_on,
        case when cohorts.is_closed then derived.is_churned end as is_churned
    from derived
    inner join cohorts
        on
            derived.domain = cohorts.domain
            and derived.label_definition = cohorts.label_definition
            and derived.as_of_date = cohorts.as_of_date
),

-- The file itself is the outcome: it is there or it is not.
supplied as (
    select * from {{ ref('stg_subscription__supplied_labels') }}
),

unioned as (
    select * from closed
    union all
    select * from supplied
)

select * from unioned
