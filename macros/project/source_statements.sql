{#- The statements that make one dbt source a relation, in order. -#}
{% macro source_statements(source) -%}
    {{ return(adapter.dispatch('source_statements')(source)) }}
{%- endmacro %}

{% macro duckdb__source_statements(source) -%}
    {{ return([source_view(source)]) }}
{%- endmacro %}

{#- Another engine reads the files that CHURN_ENGINE_FILES lists, which `churn run --engine` sets:
    for each table that it is to know, folders of files that have the same columns. -#}
{% macro spark__source_statements(source) -%}
    {%- set name = source.schema ~ '.' ~ source.identifier -%}
    {%- set described = source.columns.values() | list -%}
    {%- if source.config.meta.parquet.startswith('lake/') -%}
        {%- do described.append({'name': 'first_seen_on', 'data_type': 'date'}) -%}
    {%- endif -%}
    {%- set statements, parts = [], [] -%}
    {%- set known = fromjson(env_var('CHURN_ENGINE_FILES', '{}')) -%}
    {%- if name not in known -%}
        {{ return([]) }}
    {%- endif -%}
    {%- for folder in known[name] -%}
        {%- set files = name ~ '__files_' ~ loop.index -%}
        {%- do statements.append('drop table if exists ' ~ files) -%}
        {%- do statements.append(
            'create table ' ~ files ~ " using parquet location '" ~ folder.path ~ "'"
        ) -%}
        {%- set columns = [] -%}
        {%- for column in described -%}
            {%- set value = column.name if column.name in folder.columns else 'null' -%}
            {%- do columns.append('cast(' ~ value ~ ' as ' ~ type_named(column.data_type) ~ ') as '
                ~ column.name) -%}
        {%- endfor -%}
        {%- do parts.append('select ' ~ columns | join(', ') ~ ' from ' ~ files) -%}
    {%- endfor -%}
    {%- do statements.append('create or replace view ' ~ name ~ ' as '
        ~ (parts | join(' union all ') or no_rows(described))) -%}
    {{ return(statements) }}
{%- endmacro %}
