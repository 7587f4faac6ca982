-- One row per domain: the run whose model scores, and the newest cut-off it scored.
with

live as (
    select *
    from {{ ref('stg_churn__live_runs') }}
    qualify row_number() over (partition by domain order by decision desc) = 1
),

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

final as (
    select
        runs.*,
        scored.as_of_date,
        scored.scored_at
    from live
    inner join runs on live.run_id = runs.run_id
    inner join scored on live.run_id = scored.run_id
)

select * from final
