{#- dbt-duckdb's own, except for a table that another engine has made: its rows are read from where
    they lie. CHURN_ENGINE_MADE, which `churn run --engine` sets, has a select for each. -#}
{% macro duckdb__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- set made = fromjson(env_var('CHURN_ENGINE_MADE', '{}')) -%}
    {{ dbt.duckdb__create_table_as(
        temporary, relation, made.get(model.name, compiled_code), language, **kwargs
    ) }}
{%- endmacro %}
