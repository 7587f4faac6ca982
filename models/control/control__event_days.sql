-- One row per domain, table of its source (or table.part) and day with at least one event. What is
-- dated today or later is not read.
with

parts as (
    {%- for domain in built_domains() %}
    select
        '{{ domain }}' as domain,
        table_name,
        part,
        day
    from {{ ref('stg_' ~ domain ~ '__event_days') }}
    where day < date '{{ run_started_at.strftime('%Y-%m-%d') }}'
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select distinct
        domain,
        table_name,
        day
    from parts
    union all
    select
        domain,
        table_name || '.' || part as table_name,
        day
    from parts
    where part is not null
)

select * from final
