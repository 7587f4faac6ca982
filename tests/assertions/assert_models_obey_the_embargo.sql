-- Catches a model that learned from outcomes not known at its cut-off: the newest cohort
-- of the live fit must be known by the scoring cut-off, the validation cohort by the test one.
with

runs as (
    select * from {{ ref('stg_churn__runs') }}
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
    runs.scoring_as_of_date,
    runs.test_as_of_date
from runs
inner join cohorts as learned
    on
        runs.domain = learned.domain
        and runs.label_definition = learned.label_definition
where
    (learned.as_of_date = runs.trained_until and learned.closes_on > runs.scoring_as_of_date)
    or (
        learned.as_of_date = runs.validation_as_of_date
        and learned.closes_on > runs.test_as_of_date
    )
