{#- dbt compares the columns of a contract with their types as the YAML names them, which are
    DuckDB's. DuckDB enforces the same contracts; what another engine makes is compared with it row
    by row: churn engines compare. -#}
{% macro spark__get_assert_columns_equivalent(sql) -%}
{%- endmacro %}
