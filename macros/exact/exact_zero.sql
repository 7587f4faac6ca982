{#- 0 in the type of an exact sum. -#}
{% macro exact_zero() -%}
    {{ return(adapter.dispatch('exact_zero')()) }}
{%- endmacro %}

{% macro duckdb__exact_zero() -%} cast(0 as hugeint) {%- endmacro %}

{% macro default__exact_zero() -%} cast(0 as decimal(38, 0)) {%- endmacro %}
