{#- Order-independent, additive checksum over rows: the sum of a 60-bit number from the md5 of each
    row's values. Rows can be added and subtracted without reading the others. `values` are SQL
    expressions; nulls are written as a mark of their own. -#}
{% macro row_checksum(values) -%}
    {{ return(adapter.dispatch('row_checksum')(values)) }}
{%- endmacro %}

{% macro duckdb__row_checksum(values) -%}
    {%- set texts = [] -%}
    {%- for value in values -%}
        {%- do texts.append("coalesce(cast(" ~ value ~ " as varchar), '∅')") -%}
    {%- endfor -%}
    coalesce(sum(
        cast(md5_number_lower({{ texts | join(" || '|' || ") }}) >> 4 as decimal(38, 0))
    ), 0)
{%- endmacro %}

{% macro default__row_checksum(values) -%}
    {%- set texts = [] -%}
    {%- for value in values -%}
        {%- do texts.append("coalesce(cast(" ~ value ~ " as string), '∅')") -%}
    {%- endfor -%}
    coalesce(sum({{ md5_part(texts | join(" || '|' || "), 15) }}), 0)
{%- endmacro %}
