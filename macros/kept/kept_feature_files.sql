{#- The files of features that are kept: domain, file_name without its ending, file_path. -#}
{% macro kept_feature_files() -%}
    {{ return(adapter.dispatch('kept_feature_files')()) }}
{%- endmacro %}

{% macro duckdb__kept_feature_files() -%}
    {%- set home = modules.re.sub('([*?[])', '[\\1]', env_var('CHURN_HOME', 'data'))
        | replace("'", "''") -%}
    select
        parse_path(file)[-2] as domain,
        regexp_replace(parse_path(file)[-1], '\.parquet$', '') as file_name,
        file as file_path
    from glob('{{ home }}/features/*/*.parquet') as files (file)
{%- endmacro %}

{#- Another engine makes what `churn run --engine` asks it for: CHURN_ENGINE_KEPT lists the files
    that are there. -#}
{% macro default__kept_feature_files() -%}
    {%- for domain, file_name in fromjson(env_var('CHURN_ENGINE_KEPT', '[]')) %}
    select '{{ domain }}' as domain, '{{ file_name }}' as file_name, '' as file_path
    union all
    {%- endfor %}
    select
        cast(null as string) as domain,
        cast(null as string) as file_name,
        cast(null as string) as file_path
    where false
{%- endmacro %}
