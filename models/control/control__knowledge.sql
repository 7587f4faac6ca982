-- One row per domain: the knowledge cut-off, null without any event. Known is what lies before the
-- day after the anchor's last event: an outcome is observed only as far as the table that would
-- show it, however far another one reaches.
with

grids as (
    select * from {{ ref('control__grids') }}
),

event_days as (
    select * from {{ ref('control__event_days') }}
),

final as (
    select
        grids.domain,
        {{ add_days('max(event_days.day)', 1) }} as known_before
    from grids
    left join event_days
        on
            grids.domain = event_days.domain
            and grids.anchor_table = event_days.table_name
    group by grids.domain
)

select * from final
