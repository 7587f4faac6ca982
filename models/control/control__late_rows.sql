-- One row per domain, table of its source and cut-off: how many of the rows of the 90 days before
-- it were first seen after it. They are in what the models learn from, and were not there when the
-- day was scored. Of a cut-off up to the day on which the first files came nothing can be told.
with

cut_offs as (
    select * from {{ ref('control__cut_offs') }}
),

seen as (
    {%- for domain in built_domains() %}
    select
        '{{ domain }}' as domain,
        table_name,
        day,
        first_seen_on,
        event_rows
    from {{ ref('stg_' ~ domain ~ '__event_days') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

begun as (
    select
        domain,
        table_name,
        min(first_seen_on) as first_seen_on
    from seen
    group by domain, table_name
),

final as (
    select
        cut_offs.domain,
        seen.table_name,
        cut_offs.as_of_date,
        cast(sum(seen.event_rows) as bigint) as event_rows,
        case
            when cut_offs.as_of_date > min(begun.first_seen_on)
                then cast(coalesce(sum(
                    case when seen.first_seen_on > cut_offs.as_of_date then seen.event_rows end
                ), 0) as bigint)
        end as late_rows
    from cut_offs
    inner join seen
        on
            cut_offs.domain = seen.domain
            and cut_offs.as_of_date > seen.day
            and {{ add_days('cut_offs.as_of_date', -90) }} <= seen.day
    inner join begun
        on
            seen.domain = begun.domain
            and seen.table_name = begun.table_name
    group by cut_offs.domain, seen.table_name, cut_offs.as_of_date
)

select * from final
