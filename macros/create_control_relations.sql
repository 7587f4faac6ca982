{#- Writes the control tables of one domain: which days have events, what is known, which cut-offs
    are built, which one is scored, what each source covers before each cut-off.

    Known is what lies before the day after the spine source's last event: an outcome is observed
    only as far as the source that would show it, however far another one reaches.
    Scoring cut-off: var as_of[domain], else that day; events from today on are never read.
    Grid: month starts (or Mondays) after the first event of the spine source; plus the scoring
    cut-off and every cut-off ever scored, so that each score meets its outcome. -#}
{% macro create_control_relations(domain) -%}
    {%- set events = [] -%}
    {%- for source in graph.sources.values()
        if source.source_name == domain and source.config.meta.event_time -%}
        {%- do events.append(source) -%}
    {%- endfor -%}
    {%- set spine = events | selectattr('config.meta.spine') | map(attribute='name') | first -%}
    {%- set prefix = 'lake.' ~ domain -%}
    {%- set today = run_started_at.strftime('%Y-%m-%d') -%}
    {%- set as_of = (var('as_of', none) or {}).get(domain) -%}
    {%- set grid = domain_setting(domain, 'grid') -%}

    {%- set sql -%}
        create or replace table {{ prefix }}_event_days as
        {%- for source in events %}
        select
            '{{ source.name }}' as table_name,
            cast({{ source.config.meta.event_time }} as date) as day
        from {{ source.schema }}.{{ source.identifier }}
        where cast({{ source.config.meta.event_time }} as date) < date '{{ today }}'
        group by all
        {% if not loop.last %}union all{% endif %}
        {%- endfor %}
    {%- endset -%}
    {%- do run_query(sql) -%}

    {%- set sql -%}
        create or replace table {{ prefix }}_knowledge as
        select {{ add_days('max(day)', 1) }} as known_before
        from {{ prefix }}_event_days
        where table_name = '{{ spine }}'
    {%- endset -%}
    {%- do run_query(sql) -%}

    {%- set sql -%}
        create or replace table {{ prefix }}_scoring_cut_off as
        {%- if as_of %}
        select date '{{ as_of }}' as as_of_date
        {%- else %}
        select known_before as as_of_date
        from {{ prefix }}_knowledge
        where known_before is not null
        {%- endif %}
    {%- endset -%}
    {%- do run_query(sql) -%}

    {%- set sql -%}
        create or replace table {{ prefix }}_cut_offs as
        with

        bounds as (
            select
                min(day) as first_day,
                (select max(known_before) from {{ prefix }}_knowledge) as known_before
            from {{ prefix }}_event_days
            where table_name = '{{ spine }}'
        ),

        days as (
            {{ day_series('(select first_day from bounds)', '(select known_before from bounds)') }}
        )

        select {{ add_days('day', 1) }} as as_of_date
        from days
        where {{ add_days('day', 1) }} = cast(date_trunc('{{ grid }}', {{ add_days('day', 1) }}) as date)
        union
        select as_of_date from {{ prefix }}_scoring_cut_off
        union
        select as_of_date from ml.scores where domain = '{{ domain }}'
    {%- endset -%}
    {%- do run_query(sql) -%}

    {%- set sql -%}
        create or replace table {{ prefix }}_coverage as
        select
            days.table_name,
            cut_offs.as_of_date,
            min(days.day) as covered_from,
            {{ add_days('max(days.day)', 1) }} as covered_before
        from {{ prefix }}_cut_offs as cut_offs
        inner join {{ prefix }}_event_days as days on cut_offs.as_of_date > days.day
        group by all
    {%- endset -%}
    {%- do run_query(sql) -%}
{%- endmacro %}
