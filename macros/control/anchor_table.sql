{#- The table whose first event opens a domain's grid of cut-offs and whose last one ends what is
    known, by the key `anchor` of its YAML: a table (anchor: true), or the rows of it with one value
    of its covered_by column (anchor: purchase), named table.part. -#}
{% macro anchor_table(domain) -%}
    {%- set names = [] -%}
    {%- for name, meta in source_meta(domain).items() if meta.anchor -%}
        {%- do names.append(name ~ ('.' ~ meta.anchor if meta.anchor is string else '')) -%}
    {%- endfor -%}
    {{ return(names | join) }}
{%- endmacro %}
