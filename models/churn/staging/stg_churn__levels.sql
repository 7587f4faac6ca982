-- One row per run and scored cut-off of a domain whose cohorts' levels are forecast, all runs.
with

source as (
    select * from {{ source('ml', 'levels') }}
),

renamed as (
    select
        run_id,
        domain,
        as_of_date,
        is_forecast,
        level,
        own_level,
        level_without_season,
        offset_log_odds,
        ended_windows
    from source
)

select * from renamed
