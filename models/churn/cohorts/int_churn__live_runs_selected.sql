-- One row per domain: the run whose model scores, and the cut-off that it scored last to be
-- published. A day that was scored for study does not count, however late it is. Before such
-- choices were on record, the newest cut-off was published.
with

live as (
    select *
    from {{ ref('stg_churn__live_runs') }}
    qualify row_number() over (partition by domain order by decision desc) = 1
),

runs as (
    select * from {{ ref('stg_churn__runs') }}
),

chosen as (
    select *
    from {{ ref('stg_churn__current_scores') }}
    qualify row_number() over (partition by domain, run_id order by choice desc) = 1
),

scored as (
    select
        run_id,
        as_of_date,
        max(scored_at) as scored_at
    from {{ ref('stg_churn__scores') }}
    group by all
),

newest as (
    select
        run_id,
        max(as_of_date) as as_of_date
    from scored
    group by all
),

final as (
    select
        runs.*,
        scored.as_of_date,
        scored.scored_at
    from live
    inner join runs on live.run_id = runs.run_id
    inner join newest on live.run_id = newest.run_id
    left join chosen on live.run_id = chosen.run_id
    inner join scored
        on
            live.run_id = scored.run_id
            and scored.as_of_date = coalesce(chosen.as_of_date, newest.as_of_date)
)

select * from final
