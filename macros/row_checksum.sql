{#- Order-independent, additive checksum over rows: the sum of a 60-bit number from the md5 of each
    row's values. Rows can be added and subtracted without reading the others. `values` are SQL
    expressions; nulls are written as a mark of their own. -#}
{% macro row_checksum(values) -%}
    {{ return(adapter.dispatch('row_checksum')(values)) }}
{%- endmacro %}

{% macro duckdb__row_checksum(values) -%}
    coalesce(sum(cast(md5_number_lower(
        {%- for value in values %}
        coalesce(cast({{ value }} as varchar), '∅')
        {%- if not loop.last %} || '|' ||{% endif %}
        {%- endfor %}
    ) >> 4 as decimal(38, 0))), 0)
{%- endmacro %}
