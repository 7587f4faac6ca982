-- One row per domain: the knowledge cut-off, null without any event. Known is what lies before the
-- day after the anchor's last whole day: an outcome is observed only as far as the table that would
-- show it, however far another one reaches.
--
-- A hole without a reason ends what is known where it begins, until the missing rows are there: for
-- the domain's settle_days, in which they may still come, and for as long as it makes cohorts
-- unsure.
with

grids as (
    select * from {{ ref('control__grids') }}
),

counts as (
    select * from {{ ref('control__day_counts') }}
),

holes as (
    select * from {{ ref('control__outcome_holes') }}
),

whole as (
    select
        grids.domain,
        grids.settle_days,
        {{ add_days('max(counts.day)', 1) }} as end_before
    from grids
    inner join counts
        on
            grids.domain = counts.domain
            and grids.anchor_table = counts.table_name
    left join {{ ref('control__holes') }} as explained
        on
            counts.domain = explained.domain
            and counts.table_name = explained.table_name
            and counts.day = explained.day
            and explained.reason is not null
    where ({{ is_whole_day('counts') }}) or (counts.event_rows > 0 and explained.day is not null)
    group by grids.domain, grids.settle_days
),

ends as (
    select
        domain,
        settle_days,
        end_before
    from whole
    union all
    select
        holes.domain,
        whole.settle_days,
        holes.day as end_before
    from holes
    inner join whole
        on
            holes.domain = whole.domain
            and holes.day < whole.end_before
),

undisturbed as (
    select
        ends.domain,
        ends.end_before
    from ends
    left join holes
        on
            ends.domain = holes.domain
            and ends.end_before > holes.day
            and (
                {{ add_days('ends.end_before', '-ends.settle_days') }} <= holes.day
                or (
                    ends.end_before >= holes.unsure_from
                    and ends.end_before < holes.unsure_before
                )
            )
    where holes.day is null
),

final as (
    select
        grids.domain,
        max(undisturbed.end_before) as known_before
    from grids
    left join undisturbed on grids.domain = undisturbed.domain
    group by grids.domain
)

select * from final
