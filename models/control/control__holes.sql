-- One row per domain, table of its source (or table.part) and day that is a hole: its rows are far
-- below what the days before it let expect, by itself or with the days after it up to the next full
-- one. It is known to be one from the cut-off after those days on. A part with too few rows to tell
-- by itself, as orders beside views, is missing where the whole table is. A hole that
-- seeds/feed_outages.csv lists has a reason.
{%- set spans = {'day': 1, 'week': 7, 'month': 28} %}
with

day_counts as (
    select
        *,
        coalesce(0.2 * expected_rows, 0) as fifth_of_expected
    from {{ ref('control__day_counts') }}
),

counts as (
    select
        *,
        max(case when event_rows > 0 and event_rows >= fifth_of_expected then day end) over (
            partition by domain, table_name
            order by day rows between unbounded preceding and current row
        ) as last_full_day
    from day_counts
),

outages as (
    select * from {{ ref('feed_outages') }}
),

found as (
    {%- for name, days in spans.items() %}
    select
        thin.domain,
        thin.table_name,
        days.day,
        min({{ add_days('thin.day', 1) }}) as known_from
    from counts as thin
    inner join counts as days
        on
            thin.domain = days.domain
            and thin.table_name = days.table_name
            and {{ add_days('thin.day', 1 - days) }} <= days.day
            and thin.day >= days.day
            and thin.last_full_day < days.day
    where thin.is_{{ name }}_thin
    group by thin.domain, thin.table_name, days.day
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

missing_with_all as (
    select
        parts.domain,
        parts.table_name,
        parts.day,
        found.known_from
    from found
    inner join counts as parts
        on
            found.domain = parts.domain
            and found.day = parts.day
            and parts.table_name like found.table_name || '.%'
    where parts.event_rows = 0 or parts.event_rows < parts.fifth_of_expected
),

told as (
    select * from found
    union all
    select * from missing_with_all
),

holes as (
    select
        domain,
        table_name,
        day,
        min(known_from) as known_from
    from told
    group by domain, table_name, day
),

listed as (
    select
        holes.domain,
        holes.table_name,
        holes.day,
        holes.known_from,
        max(outages.reason) as reason
    from holes
    left join outages
        on
            holes.domain = outages.domain
            and holes.day >= outages.started_on
            and holes.day < outages.ended_on
            and (
                holes.table_name = outages.table_name
                or holes.table_name like outages.table_name || '.%'
            )
    group by holes.domain, holes.table_name, holes.day, holes.known_from
),

-- A table is thin where its parts are: reasons for every part that is missing are one for it.
final as (
    select
        listed.domain,
        listed.table_name,
        listed.day,
        listed.known_from,
        coalesce(
            listed.reason,
            case when count(parts.day) = count(parts.reason) then max(parts.reason) end
        ) as reason
    from listed
    left join listed as parts
        on
            listed.domain = parts.domain
            and listed.day = parts.day
            and parts.table_name like listed.table_name || '.%'
    group by
        listed.domain,
        listed.table_name,
        listed.day,
        listed.known_from,
        listed.reason
)

select * from final
