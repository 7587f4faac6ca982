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

{#- Another engine is given the list: what is on it, it does not make. -#}
{% macro default__kept_feature_files() -%}
    select
        domain,
        file_name,
        file_path
    from features.kept_files
{%- endmacro %}
