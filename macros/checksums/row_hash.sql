{#- Hash of a row's values: 32 letters, the same for the same values in the same order. Nulls are
    written as a mark of their own; each value carries its length, so that no two rows of different
    values read alike. -#}
{% macro row_hash(values) -%}
    {%- set texts = [] -%}
    {%- for value in values -%}
        {%- set text = "coalesce(" ~ dbt.cast(value, dbt.type_string()) ~ ", '∅')" -%}
        {%- set length = dbt.cast('length(' ~ text ~ ')', dbt.type_string()) -%}
        {%- do texts.append(length ~ " || ':' || " ~ text) -%}
    {%- endfor -%}
    md5({{ texts | join(" || '|' || ") }})
{%- endmacro %}
