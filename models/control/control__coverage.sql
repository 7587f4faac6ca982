-- One row per domain, table of its source (or table.part) and cut-off: where the table's record
-- begins, and the day after its last whole day before the cut-off. Stray rows far from the rest
-- neither begin nor end it. A table without an event before the cut-off has no row.
with

cut_offs as (
    select * from {{ ref('control__cut_offs') }}
),

starts as (
    select * from {{ ref('control__starts') }}
),

counts as (
    select * from {{ ref('control__day_counts') }}
),

begun as (
    select
        cut_offs.domain,
        starts.table_name,
        cut_offs.as_of_date,
        max(starts.starts_on) as covered_from
    from cut_offs
    inner join starts
        on
            cut_offs.domain = starts.domain
            and cut_offs.as_of_date > starts.starts_on
            and cut_offs.as_of_date >= starts.known_from
    group by cut_offs.domain, starts.table_name, cut_offs.as_of_date
),

final as (
    select
        begun.domain,
        begun.table_name,
        begun.as_of_date,
        begun.covered_from,
        {{ add_days('max(counts.day)', 1) }} as covered_before
    from begun
    inner join counts
        on
            begun.domain = counts.domain
            and begun.table_name = counts.table_name
            and begun.as_of_date > counts.day
            and begun.covered_from <= counts.day
    where {{ is_whole_day('counts') }}
    group by begun.domain, begun.table_name, begun.as_of_date, begun.covered_from
)

select * from final
