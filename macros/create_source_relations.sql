{#- Makes every dbt source a relation of the warehouse: a view over the Parquet files below
    CHURN_HOME that its meta names, empty and typed where there is none, and the control tables of
    each domain (cut-offs, knowledge, coverage). Runs before every command, so plain `dbt build`
    works on a fresh clone and the shape of every relation is owned by the YAML. -#}
{% macro create_source_relations() -%}
    {%- if execute -%}
        {%- for schema in ['lake', 'ml', 'state'] -%}
            {%- do run_query("create schema if not exists " ~ schema) -%}
        {%- endfor -%}
        {%- for source in graph.sources.values() if source.config.meta.parquet -%}
            {%- do run_query(source_view(source)) -%}
        {%- endfor -%}
        {%- for domain in var('churn_domains') -%}
            {%- do create_control_relations(domain) -%}
        {%- endfor -%}
    {%- endif -%}
    select 1
{%- endmacro %}


{% macro source_view(source) -%}
    {{ return(adapter.dispatch('source_view')(source)) }}
{%- endmacro %}

{% macro duckdb__source_view(source) -%}
    {%- set glob = (env_var('CHURN_HOME', 'data') ~ '/'
        ~ (source.config.meta.parquet | replace('{table}', source.name))) | replace("'", "''") -%}
    {%- set files = run_query("select count(*) from glob('" ~ glob ~ "')").columns[0].values()[0] -%}
    {%- set rows = "read_parquet('" ~ glob ~ "', union_by_name = true, hive_partitioning = false)" -%}
    {#- files older than a column lack it: null -#}
    {%- set there = run_query("describe from " ~ rows).columns[0].values() if files else [] -%}
    create or replace view {{ source.schema }}.{{ source.identifier }} as
    select
    {%- for column in source.columns.values() %}
        cast({{ column.name if column.name in there else 'null' }} as {{ column.data_type }}) as {{ column.name }}
        {%- if not loop.last %},{% endif %}
    {%- endfor %}
    {%- if files %}
    from {{ rows }}
    {%- else %}
    where false
    {%- endif %}
{%- endmacro %}
