{#- Makes every dbt source a relation of the warehouse: a view over the Parquet files below
    CHURN_HOME that its meta names, empty and typed where there is none. Runs before every command,
    so plain `dbt build` works on a fresh clone and the shape of every relation is owned by the
    YAML. -#}
{% macro create_source_relations() -%}
    {%- if execute -%}
        {%- for schema in ['lake', 'ml', 'state', 'history', 'features', 'seeds'] -%}
            {%- do run_query("create schema if not exists " ~ schema) -%}
        {%- endfor -%}
        {%- for source in graph.sources.values() if source.config.meta.parquet -%}
            {%- for statement in source_statements(source) -%}
                {%- do run_query(statement) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- for statement in given_statements() -%}
            {%- do run_query(statement) -%}
        {%- endfor -%}
    {%- endif -%}
    select 1
{%- endmacro %}
