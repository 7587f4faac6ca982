-- One row per domain whose departures are in doubt: the last missing day without a reason of the
-- table that shows outcomes, not longer before the scored cut-off than hole_memory_days. Whoever
-- seems to have left the cohort since may have renewed or ordered on it.
with

live as (
    select
        domain,
        as_of_date
    from {{ ref('int_churn__live_runs_selected') }}
),

grids as (
    select
        domain,
        hole_memory_days
    from {{ ref('control__grids') }}
),

holes as (
    select
        domain,
        day
    from {{ ref('control__outcome_holes') }}
),

final as (
    select
        live.domain,
        max(holes.day) as last_missing_day
    from live
    inner join grids on live.domain = grids.domain
    inner join holes on live.domain = holes.domain
    where
        holes.day < live.as_of_date
        and {{ days_between('holes.day', 'live.as_of_date') }} <= grids.hole_memory_days
    group by live.domain
)

select * from final
