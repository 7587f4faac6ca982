-- One row per domain, table of its source (or table.part) and day with at least one event. What is
-- dated today or later, where the domain's days are counted, is not read.
with

parts as (
    {%- for domain in built_domains() %}
    select
        '{{ domain }}' as domain,
        table_name,
        part,
        day,
        event_rows
    from {{ ref('stg_' ~ domain ~ '__event_days') }}
    where day < date '{{ domain_today(domain) }}'
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        domain,
        table_name,
        day,
        cast(sum(event_rows) as bigint) as event_rows
    from parts
    group by domain, table_name, day
    union all
    select
        domain,
        table_name || '.' || part as table_name,
        day,
        cast(sum(event_rows) as bigint) as event_rows
    from parts
    where part is not null
    group by domain, table_name, part, day
)

select * from final
