{#- Rows with one date column `day`: every day from start (inclusive) to end (exclusive); both are
    SQL expressions. -#}
{% macro day_series(start_date, end_date) -%}
    {{ return(adapter.dispatch('day_series')(start_date, end_date)) }}
{%- endmacro %}

{% macro duckdb__day_series(start_date, end_date) -%}
    select cast(unnest(
        generate_series({{ start_date }}, {{ end_date }} - interval 1 day, interval 1 day)
    ) as date) as day
{%- endmacro %}

{% macro default__day_series(start_date, end_date) -%}
    select explode(case
        when {{ end_date }} > {{ start_date }}
            then sequence({{ start_date }}, {{ add_days(end_date, -1) }}, interval 1 day)
    end) as day
{%- endmacro %}
