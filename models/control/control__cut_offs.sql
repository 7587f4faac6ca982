-- One row per domain and cut-off. The grid, month starts or Mondays after the beginning of the
-- anchor's record and the warm-up; the cut-off that is scored; and every cut-off ever scored of
-- which the data are known, so that each score meets its outcome.
with

grids as (
    select * from {{ ref('control__grids') }}
),

knowledge as (
    select * from {{ ref('control__knowledge') }}
),

starts as (
    select * from {{ ref('control__starts') }}
),

bounds as (
    select
        grids.domain,
        grids.grid,
        grids.warm_up_days,
        max(starts.starts_on) as first_day,
        max(knowledge.known_before) as known_before
    from grids
    inner join knowledge on grids.domain = knowledge.domain
    inner join starts
        on
            grids.domain = starts.domain
            and grids.anchor_table = starts.table_name
    group by all
),

reach as (
    select
        min(first_day) as first_day,
        {{ add_days('max(known_before)', 1) }} as end_before
    from bounds
),

days as (
    {{ day_series('(select first_day from reach)', '(select end_before from reach)') }}
),

on_grid as (
    select
        bounds.domain,
        days.day as as_of_date
    from bounds
    inner join days
        on
            bounds.first_day < days.day
            and bounds.known_before >= days.day
            and {{ add_days('bounds.first_day', 'bounds.warm_up_days') }} <= days.day
            and cast(date_trunc(bounds.grid, days.day) as date) = days.day
),

scored as (
    select
        scored_cut_offs.domain,
        scored_cut_offs.as_of_date
    from {{ source('control', 'scored_cut_offs') }} as scored_cut_offs
    inner join bounds
        on
            scored_cut_offs.domain = bounds.domain
            and scored_cut_offs.as_of_date <= bounds.known_before
),

unioned as (
    select * from on_grid
    union distinct
    select
        domain,
        as_of_date
    from {{ ref('control__scoring_cut_offs') }}
    union distinct
    select * from scored
),

final as (
    select
        domain,
        as_of_date,
        cast(null as date) as due_from
    from unioned
)

select * from final
