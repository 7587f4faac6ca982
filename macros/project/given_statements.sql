{#- The statements that give another engine what is no source: seeds, which as files keep texts that
    its literals read otherwise, and the list of kept features. -#}
{% macro given_statements() -%}
    {%- set sources, statements = [], [] -%}
    {%- for source in graph.sources.values() -%}
        {%- do sources.append(source.schema ~ '.' ~ source.identifier) -%}
    {%- endfor -%}
    {%- for name, folders in fromjson(env_var('CHURN_ENGINE_FILES', '{}')).items()
        if name not in sources -%}
        {%- do statements.append('drop table if exists ' ~ name) -%}
        {%- do statements.append(
            'create table ' ~ name ~ " using parquet location '" ~ folders[0].path ~ "'"
        ) -%}
    {%- endfor -%}
    {{ return(statements) }}
{%- endmacro %}
