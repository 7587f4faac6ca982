-- One row per domain, run and cut-off: what was scored to be published, not the past days that were
-- scored for study. Before choices were on record, everything was scored to be published.
with

scorings as (
    select
        domain,
        run_id,
        as_of_date,
        min(scored_at) as scored_at
    from {{ ref('stg_churn__scores') }}
    group by all
),

chosen as (
    select distinct
        run_id,
        as_of_date
    from {{ ref('stg_churn__current_scores') }}
),

on_record as (
    select
        domain,
        min(chosen_at) as since
    from {{ ref('stg_churn__current_scores') }}
    group by all
),

final as (
    select
        scorings.domain,
        scorings.run_id,
        scorings.as_of_date,
        scorings.scored_at
    from scorings
    left join chosen
        on
            scorings.run_id = chosen.run_id
            and scorings.as_of_date = chosen.as_of_date
    left join on_record on scorings.domain = on_record.domain
    where
        chosen.run_id is not null
        or on_record.since is null
        or scorings.scored_at < on_record.since
)

select * from final
