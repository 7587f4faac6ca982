{#- The days with at least one event of a domain's tables that have an event time, for each value of
    the column that covered_by names, and when their rows were first seen. Rows: table_name, part
    (that value, or null), day, first_seen_on, event_rows.

    dbt must see which tables are read before it reads the YAML that tells which have an event time,
    so the model names them; one that it forgets is an error. -#}
{% macro event_days(domain, tables) -%}
    {%- set described = source_meta(domain) -%}
    {%- for name, meta in described.items() if meta.event_time and name not in tables -%}
        {{ exceptions.raise_compiler_error(
            "stg_" ~ domain ~ "__event_days does not read " ~ name ~ ", which has an event_time"
        ) }}
    {%- endfor -%}
    {%- for table in tables -%}
    {%- set meta = described[table] or {} -%}
    {%- set part = meta.covered_by or 'cast(null as string)' -%}
    {%- set day = meta.event_day or 'cast(' ~ meta.event_time ~ ' as date)' -%}
    {{ '\n    union all\n    ' if not loop.first -}}
    select
        '{{ table }}' as table_name,
        {{ part }} as part,
        {{ day }} as day,
        first_seen_on,
        count(*) as event_rows
    from {{ source(domain, table) }}
    group by {{ part }}, {{ day }}, first_seen_on
    {%- endfor -%}
{%- endmacro %}
