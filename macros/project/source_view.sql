{#- Statement that makes one dbt source a view over the Parquet files its meta names, with the
    columns and types of its YAML; empty where there is no file. Runs of a domain that was removed
    from dbt_project.yml stay on disk and are not read: it is not scored any more. -#}
{% macro source_view(source) -%}
    {#- what CHURN_HOME's own name has of a pattern is meant as it is written -#}
    {%- set home = modules.re.sub('([*?[])', '[\\1]', env_var('CHURN_HOME', 'data')) -%}
    {%- set glob = (home ~ '/' ~ (source.config.meta.parquet | replace('{table}', source.name)))
        | replace("'", "''") -%}
    {%- set count = "select count(*) from glob('" ~ glob ~ "')" -%}
    {#- a domain that is left out has no rows: its own files may be damaged and are not read -#}
    {%- set left_out = var('left_out', []) -%}
    {%- set is_own = source.original_file_path.split('/')[1] in left_out -%}
    {%- set has_files = not is_own and run_query(count).columns[0].values()[0] > 0 -%}
    {%- set rows -%}
        read_parquet('{{ glob }}', union_by_name = true, hive_partitioning = false)
    {%- endset -%}
    {%- set names = run_query("describe from " ~ rows).columns[0].values() if has_files else [] -%}
    {%- set columns = [] -%}
    {%- set described = source.columns.values() | list -%}
    {#- ingest adds it to every table: pipeline/project/sources.py -#}
    {%- if source.config.meta.parquet.startswith('lake/') -%}
        {%- do described.append({'name': 'first_seen_on', 'data_type': 'date'}) -%}
    {%- endif -%}
    {%- for column in described -%}
        {#- files older than a column lack it: null -#}
        {%- set value = column.name if column.name in names else 'null' -%}
        {%- do columns.append(
            'cast(' ~ value ~ ' as ' ~ column.data_type ~ ') as ' ~ column.name
        ) -%}
    {%- endfor -%}
    create or replace view {{ source.schema }}.{{ source.identifier }} as
    select {{ columns | join(', ') }}
    {{ 'from ' ~ rows if has_files else 'where false' }}
    {%- if has_files and 'domain' in names and (source.schema in ('ml', 'history') or left_out) %}
    where domain in ('{{ var('churn_domains') | reject('in', left_out) | join("', '") }}')
    {%- endif %}
{%- endmacro %}
