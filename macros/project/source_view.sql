{#- Statement that makes one dbt source a view over the Parquet files its meta names, with the
    columns and types of its YAML; empty where there is no file. -#}
{% macro source_view(source) -%}
    {{ return(adapter.dispatch('source_view')(source)) }}
{%- endmacro %}

{% macro duckdb__source_view(source) -%}
    {%- set glob = (env_var('CHURN_HOME', 'data') ~ '/'
        ~ (source.config.meta.parquet | replace('{table}', source.name))) | replace("'", "''") -%}
    {%- set count = "select count(*) from glob('" ~ glob ~ "')" -%}
    {%- set has_files = run_query(count).columns[0].values()[0] > 0 -%}
    {%- set rows -%}
        read_parquet('{{ glob }}', union_by_name = true, hive_partitioning = false)
    {%- endset -%}
    {%- set names = run_query("describe from " ~ rows).columns[0].values() if has_files else [] -%}
    {%- set columns = [] -%}
    {%- for column in source.columns.values() -%}
        {#- files older than a column lack it: null -#}
        {%- set value = column.name if column.name in names else 'null' -%}
        {%- do columns.append(
            'cast(' ~ value ~ ' as ' ~ column.data_type ~ ') as ' ~ column.name
        ) -%}
    {%- endfor -%}
    {#- a domain that is left out has no rows, whatever it has on record -#}
    {%- set left_out = var('left_out', []) if 'domain' in names else [] %}
    create or replace view {{ source.schema }}.{{ source.identifier }} as
    select {{ columns | join(', ') }}
    {{ 'from ' ~ rows if has_files else 'where false' }}
    {%- if left_out %}
    where domain not in ('{{ left_out | join("', '") }}')
    {%- endif %}
{%- endmacro %}
