-- One row per domain and cut-off. The grid, the named days of each month or Mondays, after the
-- beginning of the anchor's record and the warm-up: what models learn from and are tested on; the
-- cut-off that is scored; and every cut-off ever scored of which the data are known, so that each
-- score meets its outcome.
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
        grids.grid_day_1,
        grids.grid_day_2,
        grids.grid_day_3,
        grids.grid_day_4,
        grids.warm_up_days,
        max(starts.starts_on) as first_day,
        max(knowledge.known_before) as known_before
    from grids
    inner join knowledge on grids.domain = knowledge.domain
    inner join starts
        on
            grids.domain = starts.domain
            and grids.anchor_table = starts.table_name
    group by
        grids.domain,
        grids.grid,
        grids.grid_day_1,
        grids.grid_day_2,
        grids.grid_day_3,
        grids.grid_day_4,
        grids.warm_up_days
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
            and case bounds.grid
                when 'week' then cast(date_trunc('week', days.day) as date) = days.day
                else
                    {{ day_of_month('days.day') }} in (
                        bounds.grid_day_1, bounds.grid_day_2, bounds.grid_day_3, bounds.grid_day_4
                    )
            end
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
        unioned.domain,
        unioned.as_of_date,
        cast(null as date) as due_from,
        on_grid.as_of_date is not null as is_on_grid
    from unioned
    left join on_grid
        on
            unioned.domain = on_grid.domain
            and unioned.as_of_date = on_grid.as_of_date
)

select * from final
