{#- Writes the control tables of one domain: which days have events, what is known, which cut-offs
    are built, which one is scored, what each source covers before each cut-off.

    Known is what lies before the day after the spine's last event: an outcome is observed only as
    far as the source that would show it, however far another one reaches. The spine is a table
    (spine: true) or one value of a table's covered_by column (spine: purchase).
    Scoring cut-off: var as_of[domain], else that day; events from today on are never read.
    Grid: month starts (or Mondays) after the first event of the spine and the domain's
    warm_up_days; plus the scoring cut-off and every cut-off ever scored, so that each score meets
    its outcome. -#}
{% macro create_control_relations(domain) -%}
    {%- set events = [] -%}
    {%- for source in graph.sources.values()
        if source.source_name == domain and source.config.meta.event_time -%}
        {%- do events.append(source) -%}
    {%- endfor -%}
    {%- set opening = events | selectattr('config.meta.anchor') | first -%}
    {%- set spine = opening.name
        ~ ('.' ~ opening.config.meta.anchor if opening.config.meta.anchor is string else '') -%}
    {%- set warm_up = var('churn_domains')[domain].get('warm_up_days', 0) -%}
    {%- set prefix = 'lake.' ~ domain -%}
    {%- set today = run_started_at.strftime('%Y-%m-%d') -%}
    {%- set as_of = (var('as_of', none) or {}).get(domain) -%}
    {%- set grid = domain_setting(domain, 'grid') -%}

    {%- set sql -%}
        create or replace table {{ prefix }}_event_days as
        {%- for source in events %}
        {%- set meta = source.config.meta -%}
        {%- set day = meta.event_day or 'cast(' ~ meta.event_time ~ ' as date)' %}
        select
            {%- if meta.covered_by %}
            case
                when grouping({{ meta.covered_by }}) = 1 then '{{ source.name }}'
                else '{{ source.name }}.' || {{ meta.covered_by }}
            end as table_name,
            {%- else %}
            '{{ source.name }}' as table_name,
            {%- endif %}
            {{ day }} as day
        from {{ source.schema }}.{{ source.identifier }}
        where {{ day }} < date '{{ today }}'
        group by
            {%- if meta.covered_by %}
            grouping sets (({{ day }}), ({{ meta.covered_by }}, {{ day }}))
            {%- else %}
            {{ day }}
            {%- endif %}
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

        select
            {{ add_days('day', 1) }} as as_of_date,
            cast(null as date) as due_from
        from days
        where
            {{ add_days('day', 1) }}
            = cast(date_trunc('{{ grid }}', {{ add_days('day', 1) }}) as date)
            and {{ add_days('day', 1) }}
            >= (select {{ add_days('first_day', warm_up) }} from bounds)
        union
        select as_of_date, null from {{ prefix }}_scoring_cut_off
        union
        select as_of_date, null from ml.scores where domain = '{{ domain }}'
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
