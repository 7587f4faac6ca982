-- Catches a model that learned from outcomes not known at the cut-off it was used on: everything
-- behind the live fit must be known by each cut-off it scored, the validation cohort by the test
-- cut-off.
with

runs as (
    select * from {{ ref('stg_churn__runs') }}
),

scored as (
    select distinct
        run_id,
        as_of_date
    from {{ ref('stg_churn__scores') }}
),

cohorts as (
    select
        domain,
        label_definition,
        as_of_date,
        max(label_known_on) as closes_on
    from {{ ref('int_churn__labels_unioned') }}
    group by all
)

select
    runs.run_id,
    learned.as_of_date as cohort,
    learned.closes_on,
    scored.as_of_date as scored_as_of_date,
    runs.test_as_of_date
from runs
inner join cohorts as learned
    on
        runs.domain = learned.domain
        and runs.label_definition = learned.label_definition
inner join scored on runs.run_id = scored.run_id
where
    (learned.as_of_date = runs.trained_until and learned.closes_on > scored.as_of_date)
    or runs.outcomes_known_on > scored.as_of_date
    or (
        learned.as_of_date = runs.validation_as_of_date
        and learned.closes_on > runs.test_as_of_date
    )
