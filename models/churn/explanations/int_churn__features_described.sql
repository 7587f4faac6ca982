-- One row per domain and feature, from the YAML of the domain's examples: theme, the group it is one
-- reason with, description, unit, phrases, and what kind of source it rests on.
{%- set described = [] %}
{%- for node in graph.nodes.values() if node.name.endswith('__churn_examples') %}
    {%- set domain = node.name | replace('__churn_examples', '') %}
    {%- for column in node.columns.values() if '__' in column.name %}
        {%- do described.append((domain, column, node.config.meta.get('driver_groups', {}))) %}
    {%- endfor %}
{%- endfor %}
{%- set text_of = dbt.string_literal %}
{%- set keys = [
    'phrase', 'phrase_true', 'phrase_false', 'phrase_zero', 'phrase_negative', 'phrase_null',
    'typical', 'typical_zero', 'typical_negative'
] %}
with

-- depends on the YAML alone: {{ described | length }} features
described as (
    {%- for domain, column, groups in described %}
    {%- set meta = column.config.meta %}
    {%- set theme = column.name.split('__')[0] %}
    {%- set group = meta.get('group', theme) %}
    {%- if 'group' in meta and group not in groups %}
        {{ exceptions.raise_compiler_error(column.name ~ " is of the group " ~ group
            ~ ", which is not among the driver_groups of " ~ domain ~ "__churn_examples") }}
    {%- endif %}
    {%- set source = graph.sources.values()
        | selectattr('source_name', 'equalto', domain)
        | selectattr('name', 'equalto', meta.get('source', '')) | first %}
    {%- if 'source' in meta and not source %}
        {{ exceptions.raise_compiler_error(column.name ~ " rests on " ~ meta.source
            ~ ", which is no source of " ~ domain) }}
    {%- endif %}
    select
        '{{ domain }}' as domain,
        '{{ column.name }}' as feature,
        '{{ theme }}' as theme,
        '{{ group }}' as driver_group,
        {{ text_of(dbt.escape_single_quotes(groups.get(group, {}).get('title', group))) }}
            as group_title,
        {{ 'true' if groups.get(group, {}).get('actionable') else 'false' }} as is_actionable,
        {{ text_of(dbt.escape_single_quotes(column.description)) }} as description,
        {{ text_of(meta.unit) }} as unit,
        {{ text_of(domain_setting(domain, 'currency')) }} as currency,
        {%- for key in keys %}
        {%- set text = meta.get(key, '{usual}' if key == 'typical' else none) %}
        {{ text_of(dbt.escape_single_quotes(text)) if text else 'cast(null as varchar)' }}
            as {{ key }},
        {%- endfor %}
        {{ text_of(meta.get('source', 'events')) }} as source_table,
        {{ text_of(source.config.meta.history if source else 'append_only') }} as source_history
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- else %}
    select
        cast(null as varchar) as domain, cast(null as varchar) as feature,
        cast(null as varchar) as theme, cast(null as varchar) as driver_group,
        cast(null as varchar) as group_title, cast(null as boolean) as is_actionable,
        cast(null as varchar) as description,
        cast(null as varchar) as unit, cast(null as varchar) as currency,
        {%- for key in keys %}
        cast(null as varchar) as {{ key }},
        {%- endfor %}
        cast(null as varchar) as source_table,
        cast(null as varchar) as source_history
    where false
    {%- endfor %}
)

select * from described
