{#- One row per customer and kept cut-off of a domain: the features as they were made, read from
    their files; the cut-off that is made again for comparison is left out. A command that builds
    nothing sees none. -#}
{% macro features_kept(domain) -%}
    {{ return(adapter.dispatch('features_kept')(domain)) }}
{%- endmacro %}

{% macro duckdb__features_kept(domain) -%}
    {%- set types = kept_types(domain) -%}
    {%- set files = [] -%}
    {%- if execute and flags.WHICH in ['build', 'run'] -%}
        {%- set kept -%}
            select replace(file_path, '''', '''''') from {{ ref('control__feature_files') }}
            where domain = '{{ domain }}' and not is_compared
            order by as_of_date
        {%- endset -%}
        {%- for file in run_query(kept).columns[0].values() -%}
            {%- do files.append("'" ~ modules.re.sub('([*?[])', '[\\1]', file) ~ "'") -%}
        {%- endfor -%}
    {%- endif -%}
    -- depends on {{ ref('control__feature_files') }}
    select
        {%- for name, type in types.items() %}
        cast({{ name if files else 'null' }} as {{ type }}) as {{ name }}
        {%- if not loop.last %},{% endif %}
        {%- else %}
        1 as nothing
        {%- endfor %}
    {%- if files %}
    from read_parquet([
        {{ files | join(',\n        ') }}
    ])
    {%- else %}
    where false
    {%- endif %}
{%- endmacro %}

{#- Another engine reads none: what it makes is kept beside them. -#}
{% macro default__features_kept(domain) -%}
    select
        {%- for name, type in kept_types(domain).items() %}
        cast(null as {{ type_named(type) }}) as {{ name }}
        {%- if not loop.last %},{% endif %}
        {%- else %}
        1 as nothing
        {%- endfor %}
    where false
{%- endmacro %}
