-- One row per domain whose cohorts' levels are forecast: the mean risk of the scored cohort.
with

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

final as (
    select
        levels.domain,
        levels.run_id,
        levels.as_of_date,
        levels.is_forecast,
        levels.level,
        levels.own_level,
        levels.level_without_season,
        levels.offset_log_odds,
        levels.ended_windows
    from {{ ref('stg_churn__levels') }} as levels
    inner join live
        on
            levels.run_id = live.run_id
            and levels.as_of_date = live.as_of_date
)

select * from final
