-- One row per domain: the run whose model scores, and the newest cut-off it scored.
with

runs as (
    select * from {{ ref('stg_churn__runs') }}
),

scored as (
    select
        run_id,
        max(as_of_date) as as_of_date,
        max(scored_at) as scored_at
    from {{ ref('stg_churn__scores') }}
    group by all
),

live as (
    select
        runs.*,
        scored.as_of_date,
        scored.scored_at
    from runs
    inner join scored on runs.run_id = scored.run_id
    qualify row_number() over (
        partition by runs.domain
        order by runs.trained_at desc, runs.run_id desc
    ) = 1
)

select * from live
