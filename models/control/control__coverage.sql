-- One row per domain, table of its source (or table.part) and cut-off: what the table covers of the
-- time before the cut-off. A table without an event before it has no row.
with

cut_offs as (
    select * from {{ ref('control__cut_offs') }}
),

event_days as (
    select * from {{ ref('control__event_days') }}
),

final as (
    select
        event_days.domain,
        event_days.table_name,
        cut_offs.as_of_date,
        min(event_days.day) as covered_from,
        {{ add_days('max(event_days.day)', 1) }} as covered_before
    from cut_offs
    inner join event_days
        on
            cut_offs.domain = event_days.domain
            and cut_offs.as_of_date > event_days.day
    group by all
)

select * from final
