{#- One row per domain of a kind: what its entry says, in the columns and types that the YAML of the
    model lists. A column named after a key has its value; `paths` gives the others, as
    {column: [key, key inside it]}. What an entry does not say is null. -#}
{% macro settings_union(kind, paths) -%}
    {%- set columns = model.columns.values() | list if execute else [] -%}
    {%- set parts = [] -%}
    {%- for domain, entry in domains_of(kind).items() -%}
        {%- set part -%}
{{ domain_mark(domain) }}
select
    '{{ domain }}' as domain
    {%- for column in columns if column.name != 'domain' %}
    {%- set path = paths.get(column.name, [column.name]) %}
    {%- set found = domain_setting(domain, path[0]) if path[0] in entry else none %}
    {%- set value = (found or {}).get(path[1]) if path | length > 1 else found %}
    {%- set value = "'" ~ value ~ "'" if value is string else value %}
    {%- set type = type_named(column.data_type) %},
    cast({{ 'null' if value is none else value }} as {{ type }}) as {{ column.name }}
    {%- endfor %}
        {%- endset -%}
        {%- do parts.append(part) -%}
    {%- endfor -%}
    {{ parts | join('\nunion all\n') or domain_mark('none') ~ '\n' ~ no_rows(columns) }}
{%- endmacro %}
