{#- Hash of a row's values: 32 letters, the same for the same values in the same order. Nulls are
    written as a mark of their own; each value carries its length, so that no two rows of different
    values read alike. -#}
{% macro row_hash(values) -%}
    md5(
        {%- for value in values %}
        {%- set text = "coalesce(" ~ dbt.cast(value, dbt.type_string()) ~ ", '∅')" %}
        {{ dbt.cast('length(' ~ text ~ ')', dbt.type_string()) }} || ':' || {{ text }}
        {%- if not loop.last %} || '|' ||{% endif %}
        {%- endfor %}
    )
{%- endmacro %}
