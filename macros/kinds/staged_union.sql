{#- A staged shape of a kind: the rows that the domains of the kind map to it, one after the other,
    with the columns that its YAML lists. `staged` of a domain's entry names the relation that fills
    the shape; a domain that does not name one has no rows of it.
    is_corrected  with the corrections that a domain adopts, and their marks -#}
{% macro staged_union(kind, shape, is_corrected=false) -%}
    {%- set columns = model.columns.values() | list if execute else [] -%}
    {%- set names = columns | map(attribute='name') | reject('equalto', 'domain') | list -%}
    {%- set parts = [] -%}
    {%- for domain, entry in domains_of(kind).items() if shape in entry.staged -%}
        {%- set marked = is_corrected and not adopted_corrections(domain, shape) -%}
        {%- set own = names | reject('in', ['is_inferred', 'correction'] if marked else []) -%}
        {%- set part -%}
{{ domain_mark(domain) }}
select
    '{{ domain }}' as domain,
    {{ own | join(',\n    ') }}
    {%- if marked %},
    false as is_inferred,
    cast(null as string) as correction
    {%- endif %}
from {{ corrected_relation(domain, shape) if is_corrected else ref(entry.staged[shape]) }}
        {%- endset -%}
        {%- do parts.append(part) -%}
    {%- endfor -%}
    {%- if parts | length < domains_of(kind) | length or not parts -%}
        {%- do parts.append(domain_mark('none') ~ '\n' ~ no_rows(columns)) -%}
    {%- endif -%}
    {{ parts | join('\nunion all\n') }}
{%- endmacro %}
