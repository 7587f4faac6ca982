{#- Rows with one bigint column: every whole number from first to last, both inclusive. -#}
{% macro number_series(first, last, name) -%}
    {{ return(adapter.dispatch('number_series')(first, last, name)) }}
{%- endmacro %}

{% macro duckdb__number_series(first, last, name) -%}
    select cast(unnest(generate_series({{ first }}, {{ last }})) as bigint) as {{ name }}
{%- endmacro %}

{% macro default__number_series(first, last, name) -%}
    select explode(sequence(cast({{ first }} as bigint), cast({{ last }} as bigint))) as {{ name }}
{%- endmacro %}
